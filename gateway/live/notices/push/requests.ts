import * as v from 'valibot'

import { objectProblem } from '../../../http/json-body.ts'

const MAX_ENDPOINT = 2000

/** An uncompressed point of P-256 (65 bytes that begin with 4), and 16 bytes; padding is left out or not. */
const P256dh = v.pipe(
  v.string('must be the key p256dh of the browser'),
  v.regex(/^B[A-Za-z0-9_-]{86}=?$/, 'must be 65 bytes in base64url'),
)
const Auth = v.pipe(
  v.string('must be the secret auth of the browser'),
  v.regex(/^[A-Za-z0-9_-]{22}(?:==)?$/, 'must be 16 bytes in base64url'),
)

/** Body of `POST /notifications/push`: what `PushSubscription.toJSON()` of a browser returns. */
export const PushBody = v.strictObject(
  {
    endpoint: v.pipe(
      v.string('must be the URL of a push service'),
      v.maxLength(MAX_ENDPOINT, `must have at most ${MAX_ENDPOINT} characters`),
    ),
    keys: v.strictObject({ p256dh: P256dh, auth: Auth }, objectProblem),
    expirationTime: v.optional(v.nullable(v.number('must be a number or null'))),
  },
  objectProblem,
)
export type PushBody = v.InferOutput<typeof PushBody>
