import type { MiddlewareHandler } from 'hono'
import { validator } from 'hono-openapi'
import type * as v from 'valibot'

import { isNestedBeyond, MAX_JSON_DEPTH } from '../../shared/json-depth.ts'
import { BrokenRule, type ErrorCode, invalidField, KERNEL_ERRORS } from '../errors.ts'
import { readBody } from './body-limit.ts'

/** One thing that is wrong with a request: where, and what is expected. */
export type FieldProblem = { readonly field: string; readonly message: string }

/**
 * Refuses bodies that are not JSON (415 UNSUPPORTED_MEDIA_TYPE), and a missing body, or JSON that is nested too deep or an
 * array (400 INVALID_CONFIG): a schema of an object without required fields takes an array for one.
 */
export const requireJson: MiddlewareHandler = async (c, next) => {
  const body = await readBody(c)
  const type = c.req.header('content-type')
  // Without a body there is no type to name: its fields are missing.
  if (type === undefined && body === '') throw invalidField('body', 'is required, as JSON')
  if (!/^application\/json\s*(?:;|$)/i.test(type ?? '')) {
    throw new BrokenRule(
      KERNEL_ERRORS.UNSUPPORTED_MEDIA_TYPE,
      'the body must be JSON, with Content-Type: application/json',
    )
  }
  if (/^\s*\[/.test(body)) throw invalidField('body', 'must be an object')
  if (isNestedBeyond(body, MAX_JSON_DEPTH)) {
    throw new BrokenRule(KERNEL_ERRORS.INVALID_CONFIG, `the body is nested deeper than ${MAX_JSON_DEPTH} levels`)
  }
  await next()
}

type Target = 'json' | 'query'

/**
 * Parses a request's body or query by a schema, which the OpenAPI document shows too. An error names every wrong field;
 * `codeOf` chooses its code by the wrong fields, INVALID_CONFIG by default.
 */
export function parse<const S extends v.GenericSchema, const T extends Target>(
  target: T,
  schema: S,
  codeOf: (problems: readonly FieldProblem[]) => ErrorCode = () => KERNEL_ERRORS.INVALID_CONFIG,
) {
  return validator(target, schema, (result) => {
    if (result.success) return
    const problems = result.error.map((issue) => ({ field: fieldOf(issue.path), message: issue.message }))
    const named = problems.map(({ field, message }) => `${field} ${message}`).join('; ')
    throw new BrokenRule(codeOf(problems), named, { details: problems })
  })
}

/** Returns the message of an object schema: an unknown field, a missing one, or no object at all. */
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
