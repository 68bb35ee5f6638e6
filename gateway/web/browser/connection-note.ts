/** The parts of the page that cannot be brought up to date. */
const lost = new Set<object>()

/** Shows a note while there is no network, or a part of the page cannot be brought up to date. */
export function showConnection(): void {
  const note = document.querySelector<HTMLElement>('.offline')
  if (note !== null) note.hidden = navigator.onLine && lost.size === 0
}

/** Records whether a part of the page can be brought up to date. */
export function setLost(part: object, isLost: boolean): void {
  if (isLost) lost.add(part)
  else lost.delete(part)
  showConnection()
}
