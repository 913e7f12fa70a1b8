// Puts the text of a chosen file where it can be seen; without this script it is pasted.
for (const field of document.querySelectorAll("[data-file]")) {
  const text = document.getElementById(field.dataset.file);
  field.hidden = false;
  field.querySelector("input").addEventListener("change", async (event) => {
    const [file] = event.target.files;
    if (file) text.value = await file.text();
  });
}
