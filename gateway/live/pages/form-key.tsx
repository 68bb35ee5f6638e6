/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import { hashText } from '../../../shared/net/hash.ts'
import { newUuid } from '../../../shared/ids.ts'
import type { IdempotentCall } from '../../http/idempotency.ts'
import type { FormTexts } from './form-body.ts'

/** Renders the hidden field that identifies a form that was shown. A form that is shown again keeps it. */
export function FormKey({ values }: { readonly values: FormTexts }) {
  return <input type="hidden" name="key" value={values['key'] ?? newUuid()} />
}

/**
 * Returns the call of a form: sent again, as by a second click or a reload, it has the effect of one, unless its user has
 * changed `content`. `scope` names what the form does, and its user; `null` for a form without a key.
 */
export function toFormCall(scope: string, { key }: FormTexts, content: unknown): IdempotentCall | null {
  if (key === undefined) return null
  const requestHash = hashText(JSON.stringify([key, content]))
  return { scope, key: requestHash, requestHash }
}
