import * as v from 'valibot'
import { parseDocument } from 'yaml'

import { Preset } from '../../shared/contract/presets.ts'
import { objectProblem } from '../http/json-body.ts'
import type { Presets } from './settings.ts'
import { SettingsError } from '../settings/settings-error.ts'

/** Limit of a presets file, far above any real one. */
const MAX_CHARS = 256 * 1024
/** Limit of YAML aliases: nested aliases grow exponentially, and presets need a few. */
const MAX_ALIASES = 50

const Name = v.pipe(
  v.string(),
  v.regex(/^[a-z0-9_]{1,64}$/, 'is a name with other characters than a-z, 0-9 and _, or with more than 64'),
)
/** Presets by name; an object schema would skip names such as `__proto__`. */
const File = v.custom<Record<string, unknown>>(isPlainObject)

function isPlainObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * Reads presets from the text of a file such as `gateway/jobs/presets.yaml`.
 * @throws SettingsError naming preset and field of everything that is wrong
 */
export function readPresets(yaml: string): Presets {
  const read = Object.entries(parseFile(yaml)).map(([name, preset]) => ({
    name,
    problems: v.safeParse(Name, name).issues?.map(({ message }) => `PRESETS_FILE ${name} ${message}`) ?? [],
    parsed: v.safeParse(Preset, preset),
  }))
  const problems = read.flatMap(({ name, problems: own, parsed }) => [
    ...own,
    ...(parsed.issues ?? []).map((issue) => {
      const path = v.getDotPath(issue)
      return `PRESETS_FILE ${name}${path === null ? '' : `.${path}`} ${problemOf(issue)}`
    }),
  ])
  if (read.length === 0) problems.push('PRESETS_FILE must have at least one preset')
  if (problems.length > 0) throw new SettingsError(problems)
  return new Map(read.flatMap(({ name, parsed }) => (parsed.success ? [[name, parsed.output]] : [])))
}

function problemOf(issue: v.InferIssue<typeof Preset>): string {
  return issue.type === 'strict_object' ? objectProblem(issue) : issue.message
}

function parseFile(yaml: string): v.InferOutput<typeof File> {
  if (yaml.length > MAX_CHARS) throw wrong(`is longer than ${MAX_CHARS / 1024} KiB`)
  const parsed = v.safeParse(File, parseYaml(yaml))
  if (parsed.success) return parsed.output
  throw wrong('must have presets by their names, and nothing besides')
}

function parseYaml(yaml: string): unknown {
  try {
    const document = parseDocument(yaml, { schema: 'core', merge: true })
    const [error] = document.errors
    if (error !== undefined) throw error
    return document.toJS({ maxAliasCount: MAX_ALIASES })
  } catch (cause) {
    throw wrong(`is no YAML: ${cause instanceof Error ? cause.message : String(cause)}`)
  }
}

function wrong(problem: string): SettingsError {
  return new SettingsError([`PRESETS_FILE ${problem}`])
}
