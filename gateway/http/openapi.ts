import type { MiddlewareHandler } from 'hono'
import { describeRoute, resolver } from 'hono-openapi'
import * as v from 'valibot'

import { statusOf, type ErrorCode } from '../errors.ts'

const ErrorBody = v.object({
  error: v.object({ code: v.string(), message: v.string(), details: v.optional(v.unknown()) }),
})

/** What every route behind a key can answer. */
const EVERYWHERE: readonly ErrorCode[] = [
  'UNAUTHORIZED',
  'RATE_LIMIT_EXCEEDED',
  'INTERNAL_ERROR',
  'DATABASE_UNAVAILABLE',
]

export type Answer = { readonly status: number; readonly schema: v.GenericSchema | null; readonly text: string }

/** The answer of a route that went well, as the OpenAPI document shows it. */
export function answers(status: number, schema: v.GenericSchema | null, text: string): Answer {
  return { status, schema, text }
}

/** Describes a route in the OpenAPI document: its good answer, and the errors that it can give by their codes. */
export function describe(
  tag: string,
  summary: string,
  answer: Answer & { readonly errors: readonly ErrorCode[] },
): MiddlewareHandler {
  const good = answer.schema === null ? {} : { content: { 'application/json': { schema: resolver(answer.schema) } } }
  return describeRoute({
    tags: [tag],
    summary,
    security: [{ ApiKey: [] }, { Bearer: [] }],
    responses: {
      [answer.status]: { description: answer.text, ...good },
      ...errorAnswers([...answer.errors, ...EVERYWHERE]),
    },
  })
}

function errorAnswers(codes: readonly ErrorCode[]) {
  const content = { 'application/json': { schema: resolver(ErrorBody) } }
  const statuses = [...new Set(codes.map(statusOf))]
  const namesOf = (status: number) => codes.filter((code) => statusOf(code) === status).join(', ')
  return Object.fromEntries(statuses.map((status) => [status, { description: namesOf(status), content }]))
}
