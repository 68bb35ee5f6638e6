import { STUDIO_MESSAGES } from '../messages/studio.ts'
import { setText, textsOf } from './elements.ts'

const attached = new WeakSet<HTMLElement>()

/** Shows a planned start in the viewer's zone, and sends it as a moment. */
export function attachStart(field: HTMLElement): void {
  if (attached.has(field)) return
  attached.add(field)
  const shown = field.querySelector<HTMLInputElement>('input[type="datetime-local"]')
  const sent = field.querySelector<HTMLInputElement>('input[type="hidden"]')
  if (shown === null || sent === null) return
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions()
  setText(field, '.hint', textsOf(STUDIO_MESSAGES).scheduledHint(timeZone))
  const moment = field.dataset['start'] ?? ''
  if (moment !== '') shown.value = toLocal(new Date(moment))
  const keep = () => {
    sent.value = shown.value === '' ? '' : new Date(shown.value).toISOString()
  }
  shown.addEventListener('change', keep)
  keep()
}

/** Returns a moment as `datetime-local` has it. */
function toLocal(moment: Date): string {
  const shifted = new Date(moment.getTime() - moment.getTimezoneOffset() * 60_000)
  return shifted.toISOString().slice(0, 'yyyy-mm-ddThh:mm'.length)
}
