// Hands the code to the page that opened this window, and to no other origin than our own.
const { code } = document.getElementById("handover").dataset;
if (window.opener) {
  window.opener.postMessage({ handover: code }, location.origin);
  window.close();
}
