// What stands behind # is sent to no server by itself; it does not stay in the address either.
const form = document.getElementById("invitation");
const code = location.hash.slice(1);
if (code) {
  history.replaceState(null, "", location.pathname + location.search);
  form.elements.code.value = code;
  form.requestSubmit();
}
