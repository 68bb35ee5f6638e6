/** How long a button says that its text is copied, in ms. */
const COPIED_MS = 2000

/** Copies the text of a button, or the address of the page; the button says so where that works, else the text is selected. */
export async function copyText(button: HTMLButtonElement): Promise<void> {
  const text = button.dataset['copy'] || location.origin + location.pathname
  if (await writeText(text)) showCopied(button)
  else selectText(button)
}

/** Returns whether the clipboard has the text now. */
async function writeText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    return copySelection(text)
  }
}

/** Copies a text as a selection: a page without TLS has no `navigator.clipboard`. Returns whether the browser does so. */
function copySelection(text: string): boolean {
  const focused = document.activeElement
  const field = Object.assign(document.createElement('textarea'), { value: text, readOnly: true })
  Object.assign(field.style, { position: 'fixed', top: '0', opacity: '0' })
  document.body.append(field)
  field.select()
  const isCopied = document.execCommand('copy')
  field.remove()
  if (focused instanceof HTMLElement) focused.focus({ preventScroll: true })
  return isCopied
}

/** Selects the text beside a button, for the keys that copy. */
function selectText(button: HTMLButtonElement): void {
  const text = button.parentElement?.querySelector('code, pre')
  if (text !== null && text !== undefined) getSelection()?.selectAllChildren(text)
}

function showCopied(button: HTMLButtonElement): void {
  if (button.dataset['done'] !== undefined) return
  const label = button.querySelector('span') ?? button
  const before = label.textContent
  label.textContent = button.dataset['copied'] ?? before
  button.dataset['done'] = ''
  setTimeout(() => {
    label.textContent = before
    delete button.dataset['done']
  }, COPIED_MS)
}
