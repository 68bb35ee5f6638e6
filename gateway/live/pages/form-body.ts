import type { Context as HonoContext } from 'hono'
import * as v from 'valibot'

import { BrokenRule } from '../../errors.ts'
import { readBody } from '../../http/body-limit.ts'
import { refuseOtherSite } from '../accounts/session.ts'
import type { LiveContext } from '../context.ts'

/** The texts of a submitted form, by the names of its fields. */
export type FormTexts = Readonly<Record<string, string>>

/** What is wrong with the fields of a form, in words for the user. The key `form` stands for all of it. */
export type FieldProblems<Field extends string> = Partial<Record<Field | 'form', string>>

/**
 * Returns what a form was filled in with; files are left out.
 * @throws BrokenRule FORBIDDEN where another site made the browser send it
 */
export async function readForm(context: LiveContext, c: HonoContext): Promise<FormTexts> {
  refuseOtherSite(context, c)
  await readBody(c)
  const body = await c.req.parseBody()
  return Object.fromEntries(
    Object.entries(body).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])),
  )
}

/** Returns the fields that a schema has problems with; an empty set where it has none. */
export function wrongFields(schema: v.GenericSchema, value: unknown): ReadonlySet<string> {
  const { issues } = v.safeParse(schema, value)
  return new Set((issues ?? []).map((issue) => v.getDotPath(issue)?.split('.')[0] ?? 'form'))
}

/** Returns the result of a use case, or the problems that `explain` finds in the rule that it breaks. @throws other errors */
export async function tryForm<Result, Field extends string>(
  run: () => Promise<Result>,
  explain: (rule: BrokenRule) => FieldProblems<Field> | null,
): Promise<{ readonly result: Result } | { readonly problems: FieldProblems<Field>; readonly rule: BrokenRule }> {
  try {
    return { result: await run() }
  } catch (error) {
    const problems = error instanceof BrokenRule ? explain(error) : null
    if (problems === null || !(error instanceof BrokenRule)) throw error
    return { problems, rule: error }
  }
}
