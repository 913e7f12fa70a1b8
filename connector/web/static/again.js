// While something is looked for, the page shows itself anew in place; without script the page reloads itself.
const LONGEST = 60;
const again = async (longer = 1) => {
  const live = document.getElementById("live");
  if (!live.dataset.again) return;
  await new Promise((done) => setTimeout(done, 1000 * Math.min(LONGEST, longer * live.dataset.again)));
  try {
    const answer = await fetch(location.href, { credentials: "same-origin" });
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("live");
    if (!fresh) return location.reload();
    if (fresh.innerHTML !== live.innerHTML) live.replaceWith(fresh);
  } catch {
    // No connection: asked again next time.
  }
  again(longer * 1.2);
};
again();
