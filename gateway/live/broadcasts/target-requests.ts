import * as v from 'valibot'

import { checkRtmpUrl } from '../../../shared/net/rtmp-url.ts'
import type { AddressPolicy } from '../../../shared/net/safe-url.ts'
import { objectProblem } from '../../http/json-body.ts'
import { urlField, type UrlReading } from '../../http/request-fields.ts'

const MAX_KEY_CHARACTERS = 500

const StreamKeyText = v.pipe(
  v.string('must be a string'),
  v.trim(),
  v.minLength(1, 'must not be empty'),
  v.maxLength(MAX_KEY_CHARACTERS, `must have at most ${MAX_KEY_CHARACTERS} characters`),
  v.regex(/^[!-~]*$/, 'must have printable ASCII characters only, without spaces'),
)

/** Returns the schema of the body of `POST /streams/{id}/targets`, guarded by the settings' policy. */
export function addTargetBody(policy: AddressPolicy) {
  const read = (text: string): UrlReading<string> => {
    const checked = checkRtmpUrl(text.trim(), policy)
    return checked.ok ? { ok: true, read: checked.server.href } : checked
  }
  return v.pipe(
    v.strictObject({ url: urlField(read, (href) => href), key: StreamKeyText }, objectProblem),
    // The address is shown, the key is not.
    v.forward(
      v.check(({ url, key }) => !endsWithKey(url, key), 'must not end with the key: send the two separately'),
      ['url'],
    ),
  )
}
export type AddTargetBody = v.InferOutput<ReturnType<typeof addTargetBody>>

/** Returns whether the key stands after the application in an address. */
function endsWithKey(url: string, key: string): boolean {
  return url.endsWith(`/${key}`) && url.split('/').length > 'rtmp://host/app'.split('/').length
}
