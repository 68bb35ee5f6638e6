import type { MiddlewareHandler } from 'hono'
import { validator } from 'hono-openapi'
import type * as v from 'valibot'

import { BrokenRule, type ErrorCode } from '../errors.ts'

/** One thing that is wrong with a request: where, and what is expected. */
export type FieldProblem = { readonly field: string; readonly message: string }

/** Refuses bodies that are not JSON (415). */
export const requireJson: MiddlewareHandler = async (c, next) => {
  if (!/^application\/json\s*(?:;|$)/i.test(c.req.header('content-type') ?? '')) {
    throw new BrokenRule('UNSUPPORTED_MEDIA_TYPE', 'the body must be JSON, with Content-Type: application/json')
  }
  await next()
}

type Target = 'json' | 'query'

/**
 * Parses a request's body or query by a schema, which the OpenAPI document shows too. What is wrong is refused with
 * every field named; `codeOf` may pick another code than INVALID_CONFIG by the fields that are wrong.
 */
export function parse<const S extends v.GenericSchema, const T extends Target>(
  target: T,
  schema: S,
  codeOf: (problems: readonly FieldProblem[]) => ErrorCode = () => 'INVALID_CONFIG',
) {
  return validator(target, schema, (result) => {
    if (result.success) return
    const problems = result.error.map((issue) => ({ field: fieldOf(issue.path), message: issue.message }))
    const named = problems.map(({ field, message }) => `${field} ${message}`).join('; ')
    throw new BrokenRule(codeOf(problems), named, { details: problems })
  })
}

/** The message of an object schema: which of the things that can be wrong with an object's fields it is. */
export function objectProblem(issue: v.StrictObjectIssue): string {
  if (issue.path === undefined || !issue.expected.startsWith('"')) {
    return issue.expected === 'never' ? 'is not a field that is known here' : 'must be an object'
  }
  return 'is required'
}

type PathPart = PropertyKey | { readonly key: PropertyKey }

function fieldOf(path: readonly PathPart[] | undefined): string {
  const keys = (path ?? []).map((part) => String(typeof part === 'object' ? part.key : part))
  return keys.length === 0 ? 'body' : keys.join('.')
}
