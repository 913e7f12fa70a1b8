// Times are written where the service runs, in the zone of whoever reads them: the browser tells it once.
const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
if (timeZone && !document.cookie.split("; ").includes(`zone=${timeZone}`)) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `zone=${timeZone}; Path=/console; Max-Age=31536000; SameSite=Lax${secure}`;
}
