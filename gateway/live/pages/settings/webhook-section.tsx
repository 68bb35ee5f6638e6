/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import { CopyText, Field, Note } from '../../../web/components/forms.tsx'
import type { Language } from '../../../web/messages.ts'
import type { LiveContext } from '../../context.ts'
import type { FaultWebhookView } from '../../notices/webhook/present.ts'
import { Confirm } from '../confirm.tsx'
import { FAULT_WEBHOOK_MESSAGES } from '../messages/fault-webhook.ts'
import { Moment } from '../moment.tsx'
import { problemsOf, savedNote, Section, type FormSection } from './section.tsx'

/** Webhooks that the page shows. */
const SHOWN = 5

type WebhookSectionParts = FormSection & { readonly webhook: FaultWebhookView }

/** Returns whether the page has the section: not where broadcasts are not watched, unless the user has set an address. */
export function showsWebhook({ settings }: LiveContext, { fault_webhook_url: url }: FaultWebhookView): boolean {
  return settings.live.isWatched || url !== null
}

/** Renders where the faults of the user's broadcasts are sent. */
export function WebhookSection({ visit, sent, webhook }: WebhookSectionParts) {
  const { language } = visit
  const text = FAULT_WEBHOOK_MESSAGES[language]
  const url = webhook.fault_webhook_url
  const problems = { ...problemsOf(sent, 'webhook'), ...problemsOf(sent, 'webhook-test') }
  const saved =
    savedNote(visit, 'webhook', text.saved) ??
    savedNote(visit, 'webhook-off', text.off) ??
    savedNote(visit, 'webhook-test', text.testSent)
  return (
    <Section id="webhook" title={text.title} lead={text.lead} saved={saved} problem={problems.form}>
      <NewSecret secret={sent.secret} language={language} />
      <form class="form" method="post" action="settings#webhook" novalidate>
        <input type="hidden" name="form" value="webhook" />
        <Field
          id="webhook-url"
          name="fault_webhook_url"
          label={text.url}
          hint={text.urlHint}
          value={sent.values['fault_webhook_url'] ?? url ?? ''}
          problem={problems.fault_webhook_url}
          autocomplete="off"
          maxLength={2048}
        />
        <div class="actions">
          <button class="button button-primary" type="submit">
            {text.save}
          </button>
        </div>
      </form>
      {url === null ? null : <WebhookActions language={language} />}
      <NewestWebhooks webhook={webhook} language={language} />
    </Section>
  )
}

type NewSecretParts = { readonly secret: string | undefined; readonly language: Language }

function NewSecret({ secret, language }: NewSecretParts) {
  if (secret === undefined) return null
  const text = FAULT_WEBHOOK_MESSAGES[language]
  return (
    <Note kind="warning" title={text.secretTitle}>
      <p>{text.secretText}</p>
      <CopyText text={secret} label={text.copy} done={text.copied} />
    </Note>
  )
}

function WebhookActions({ language }: { readonly language: Language }) {
  const text = FAULT_WEBHOOK_MESSAGES[language]
  const buttons = [
    ['webhook-test', text.test],
    ['webhook-off', text.turnOff],
  ] as const
  return (
    <>
      <div class="actions">
        {buttons.map(([form, label]) => (
          <form method="post" action="settings#webhook">
            <input type="hidden" name="form" value={form} />
            <button class="button" type="submit">
              {label}
            </button>
          </form>
        ))}
      </div>
      <Confirm
        title={text.newSecret}
        text={text.newSecretText}
        button={text.newSecretButton}
        form="webhook-secret"
        action="settings#webhook"
      />
    </>
  )
}

type NewestWebhooksParts = { readonly webhook: FaultWebhookView; readonly language: Language }

function NewestWebhooks({ webhook: { deliveries }, language }: NewestWebhooksParts) {
  if (deliveries.length === 0) return null
  const text = FAULT_WEBHOOK_MESSAGES[language]
  return (
    <>
      <h3>{text.newest}</h3>
      <ul class="sessions">
        {deliveries.slice(0, SHOWN).map((delivery) => (
          <li>
            <div>
              <strong>{delivery.event_type}</strong> <span class="badge">{text.status[delivery.status]}</span>
              <p class="muted small">
                <Moment at={delivery.created_at} language={language} />
                {delivery.last_error === null ? null : ` · ${delivery.last_error}`}
              </p>
            </div>
          </li>
        ))}
      </ul>
    </>
  )
}
