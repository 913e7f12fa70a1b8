// Remembers the chosen appearance at once; without script the form's own button does.
// The answer is 204, so that the page stays: some are shown only once.
document.forms.look.addEventListener("change", (event) => event.currentTarget.requestSubmit());
