import { type AttributeList, MAX_LINE_LENGTH } from './playlist-lines.ts'

/** Values of EXT-X-DEFINE by name (draft-pantos-hls-rfc8216bis §4.4.2.3). */
export type PlaylistVariables = ReadonlyMap<string, string>

/** What the variables of a playlist are taken from, beside the playlist itself. */
export type VariableSources = {
  /** The variables of the master playlist, for IMPORT. */
  readonly imported: PlaylistVariables
  /** The playlist's URL after redirects and the one before them, for QUERYPARAM; the first that has the name counts. */
  readonly urls: readonly string[]
}

/** Most variables of one playlist. */
const MAX_VARIABLES = 256

/** Adds the variable of an EXT-X-DEFINE to `variables`. Returns whether it could be read. */
export function defineVariable(
  variables: Map<string, string>,
  attributes: AttributeList,
  sources: VariableSources,
): boolean {
  const [name, value] = findDefinition(attributes, sources)
  if (name === undefined || value === undefined || variables.size >= MAX_VARIABLES) return false
  variables.set(name, value)
  return true
}

function findDefinition(
  attributes: AttributeList,
  { imported, urls }: VariableSources,
): readonly [string | undefined, string | undefined] {
  const name = attributes.get('NAME')
  if (name !== undefined) return [name, attributes.get('VALUE')]
  const imports = attributes.get('IMPORT')
  if (imports !== undefined) return [imports, imported.get(imports)]
  const parameter = attributes.get('QUERYPARAM')
  if (parameter === undefined) return [undefined, undefined]
  const values = urls.map((url) => new URL(url).searchParams.get(parameter))
  return [parameter, values.find((value) => value !== null) ?? undefined]
}

/** Replaces every `{$name}` of a text; `null` for an unknown name, or a text that becomes too long. */
export function replaceVariables(text: string, variables: PlaylistVariables): string | null {
  let replaced = ''
  let at = 0
  for (let start = text.indexOf('{$'); start >= 0; start = text.indexOf('{$', at)) {
    const end = text.indexOf('}', start)
    const value = end < 0 ? undefined : variables.get(text.slice(start + 2, end))
    if (value === undefined || replaced.length > MAX_LINE_LENGTH) return null
    replaced += text.slice(at, start) + value
    at = end + 1
  }
  const whole = replaced + text.slice(at)
  return whole.length > MAX_LINE_LENGTH ? null : whole
}
