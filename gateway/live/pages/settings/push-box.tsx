/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import { readPushKey } from '../../notices/push/subscribe.ts'
import { PUSH_PAGE_MESSAGES } from '../messages/push.ts'
import type { UserVisit } from '../visit.ts'

/** The script of the box. */
export const PUSH_SCRIPT = 'live/pages/browser/push.ts'

/** Renders how pushes to this browser are turned on; nothing where the platform sends none. */
export async function PushBox({ visit: { context, signedIn, language } }: { readonly visit: UserVisit }) {
  if (context.settings.live.push === null) return null
  const text = PUSH_PAGE_MESSAGES[language]
  return (
    <div class="stack push-box" data-push-key={await readPushKey(context)} data-user={signedIn.user.userId}>
      <h3>{text.title}</h3>
      <div role="status">
        <p data-push-note="off">{text.off}</p>
        <p data-push-note="on" hidden>
          {text.on}
        </p>
        <p data-push-note="denied" hidden>
          {text.denied}
        </p>
        <p data-push-note="unsupported" hidden>
          {text.unsupported}
        </p>
        <p data-push-note="failed" hidden>
          {text.failed}
        </p>
      </div>
      <noscript>
        <p>{text.needsScripts}</p>
      </noscript>
      <div class="actions">
        <button class="button" type="button" data-push="on" disabled>
          {text.turnOn}
        </button>
        <button class="button" type="button" data-push="off" hidden>
          {text.turnOff}
        </button>
      </div>
    </div>
  )
}
