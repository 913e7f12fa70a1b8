// Shows calls as they go on: looks at the page each second, and changes only what is different.
const parts = () => document.querySelectorAll(".live");

async function look() {
  const answer = await fetch(location.pathname);
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of parts()) {
    const now = fresh.getElementById(part.id);
    if (!now || now.innerHTML === part.innerHTML) continue;
    const held = part.contains(document.activeElement);
    part.replaceChildren(...now.childNodes);
    if (held) part.querySelector("button")?.focus();
  }
}

setInterval(() => {
  if (!document.hidden) look().catch(() => {});
}, 1000);
