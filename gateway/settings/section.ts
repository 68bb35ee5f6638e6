import * as v from 'valibot'

import type { Env } from './fields.ts'

/** The settings of one part of the gateway: the kernel, or a system. */
export type SettingsSection = {
  /** Title of the section in the settings guide. */
  readonly title: string
  /** Each setting by its name, with its default and description. */
  readonly entries: v.ObjectEntries
  /** Settings that name a file, with the cure where a runtime has no files. */
  readonly fileSettings?: Readonly<Record<string, string>>
  /** Returns the contradictions between settings that are valid one by one. */
  problems(env: Env): readonly string[]
}

/** Returns everything that is wrong with the settings of a section, one sentence each. */
export function sectionProblems(section: SettingsSection, env: Env): readonly string[] {
  const { issues = [] } = v.safeParse(v.object(section.entries), env)
  const wrong = issues.map((issue) => `${v.getDotPath(issue) ?? 'environment'} ${issue.message}`)
  return [...wrong, ...section.problems(env)]
}

/** Returns an environment without its empty variables, which count as unset. */
export function withoutEmpty(env: Env): Env {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''))
}
