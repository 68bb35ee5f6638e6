import type { MiddlewareHandler } from 'hono'
import { describeRoute, resolver } from 'hono-openapi'
import * as v from 'valibot'

import { KERNEL_ERRORS, type ErrorCode } from '../errors.ts'

const ErrorBody = v.object({
  error: v.object({ code: v.string(), message: v.string(), details: v.optional(v.unknown()) }),
})

/** The errors of every route. */
const EVERYWHERE: readonly ErrorCode[] = [
  KERNEL_ERRORS.RATE_LIMIT_EXCEEDED,
  KERNEL_ERRORS.INTERNAL_ERROR,
  KERNEL_ERRORS.DATABASE_UNAVAILABLE,
]

export type Answer = { readonly status: number; readonly schema: v.GenericSchema | null; readonly text: string }

/** Returns the successful answer of a route, for the OpenAPI document. */
export function answers(status: number, schema: v.GenericSchema | null, text: string): Answer {
  return { status, schema, text }
}

/** What a route needs: a key of the gateway, the session of a user, or nothing. */
export type RequiredCredentials = 'key' | 'session' | 'none'

const SECURITY: Readonly<Record<RequiredCredentials, readonly Record<string, string[]>[]>> = {
  key: [{ ApiKey: [] }, { Bearer: [] }],
  session: [{ Bearer: [] }],
  none: [],
}

/** The errors of what a route needs. Cookies of sessions come from other sites too. */
const OF_CREDENTIALS: Readonly<Record<RequiredCredentials, readonly ErrorCode[]>> = {
  key: [KERNEL_ERRORS.UNAUTHORIZED],
  session: [KERNEL_ERRORS.UNAUTHORIZED, KERNEL_ERRORS.FORBIDDEN],
  none: [],
}

const IDEMPOTENCY_KEY = {
  name: 'Idempotency-Key',
  in: 'header',
  description: '1 to 255 visible ASCII characters. For 24 hours, a repeated call gets the first answer.',
  schema: { type: 'string', minLength: 1, maxLength: 255 },
} as const

/** Describes a route in the OpenAPI document: its successful answer, and its errors by their codes. */
export function describe(
  tag: string,
  summary: string,
  answer: Answer & { readonly errors: readonly ErrorCode[]; readonly isIdempotent?: true },
  credentials: RequiredCredentials = 'key',
): MiddlewareHandler {
  const good = answer.schema === null ? {} : { content: { 'application/json': { schema: resolver(answer.schema) } } }
  return describeRoute({
    tags: [tag],
    summary,
    security: [...SECURITY[credentials]],
    ...(answer.isIdempotent === true ? { parameters: [IDEMPOTENCY_KEY] } : {}),
    responses: {
      [answer.status]: { description: answer.text, ...good },
      ...errorAnswers([...answer.errors, ...OF_CREDENTIALS[credentials], ...EVERYWHERE]),
    },
  })
}

function errorAnswers(codes: readonly ErrorCode[]) {
  const content = { 'application/json': { schema: resolver(ErrorBody) } }
  const statuses = [...new Set(codes.map(({ status }) => status))]
  const namesOf = (status: number) => codes.flatMap((one) => (one.status === status ? [one.code] : [])).join(', ')
  return Object.fromEntries(statuses.map((status) => [status, { description: namesOf(status), content }]))
}
