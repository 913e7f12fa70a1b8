// What goes on is shown as it goes; without script the page says how far it is whenever it is loaded.
const live = document.getElementById("live");
if (live?.dataset.stream) {
  const source = new EventSource(live.dataset.stream);
  source.addEventListener("message", (event) => { live.innerHTML = event.data; });
  source.addEventListener("end", () => { source.close(); location.reload(); });
}
