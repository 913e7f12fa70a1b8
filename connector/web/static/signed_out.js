// Cookies of our own tabs do not reach a frame in a page of others: there a pop-up hands the sign-in over.
const link = document.getElementById("sign-in");
const { handover, session, installation, back } = link.dataset;
let popup = null;

function say(id) {
  for (const one of ["not-kept", "not-done"]) document.getElementById(one).hidden = one !== id;
}

async function takeOver(code) {
  const headers = { "Content-Type": "application/json" };
  const begun = await fetch(session, { method: "POST", headers, body: JSON.stringify({ code }) });
  if (!begun.ok) return say("not-done");
  const kept = await fetch(`${session}?${new URLSearchParams({ installation })}`);
  if (!kept.ok) return say("not-kept");
  location.replace(back || location.href);
}

if (window === window.top) {
  link.removeAttribute("target");
} else {
  link.addEventListener("click", (event) => {
    popup = window.open(handover, "handover", "popup,width=520,height=720");
    if (popup) event.preventDefault();
  });
  window.addEventListener("message", (event) => {
    if (event.origin !== location.origin || event.source !== popup) return;
    if (typeof event.data?.handover === "string") takeOver(event.data.handover).catch(() => say("not-done"));
  });
}
