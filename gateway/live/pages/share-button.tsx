/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import { Icon } from '../../web/components/icons.tsx'
import type { Language } from '../../web/messages.ts'
import { WATCH_PAGE_MESSAGES } from './messages/watch-page.ts'

/** Renders the button that copies the address of the page; it shows itself where scripts run. */
export function ShareButton({ language }: { readonly language: Language }) {
  const text = WATCH_PAGE_MESSAGES[language]
  return (
    <button class="button" type="button" data-share data-copied={text.shared} hidden>
      <Icon name="link" />
      <span aria-live="polite">{text.share}</span>
    </button>
  )
}
