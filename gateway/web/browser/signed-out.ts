/** The name of the event of the document by which the scripts of a page learn that its session has ended. */
export const SIGNED_OUT = 'signedout'

/** Shows that the session of the page has ended, with the way to another one. */
export function showSignedOut(): void {
  const note = document.querySelector<HTMLElement>('[data-signed-out]')
  if (note?.hidden !== true) return
  note.hidden = false
  document.dispatchEvent(new Event(SIGNED_OUT))
}
