import { type AttributeList, MAX_LINE_LENGTH } from './playlist-lines.ts'

/** Values of EXT-X-DEFINE by name (draft-pantos-hls-rfc8216bis §4.4.2.3). */
export type PlaylistVariables = ReadonlyMap<string, string>

/** What the variables of a playlist are taken from, beside the playlist itself. */
export type VariableSources = {
  /** The variables of the master playlist, for IMPORT. */
  readonly imported: PlaylistVariables
  /** The query of the playlist's URL, for QUERYPARAM. */
  readonly readQuery: () => PlaylistVariables
}

/** Most variables of one playlist. */
const MAX_VARIABLES = 256

/** Adds the variable of an EXT-X-DEFINE to `variables`. Returns whether it could be read. */
export function defineVariable(
  variables: Map<string, string>,
  attributes: AttributeList,
  sources: VariableSources,
): boolean {
  if (variables.size >= MAX_VARIABLES) return false
  const [name, value] = findDefinition(attributes, sources)
  if (name === undefined || value === undefined) return false
  variables.set(name, value)
  return true
}

function findDefinition(
  attributes: AttributeList,
  { imported, readQuery }: VariableSources,
): readonly [string | undefined, string | undefined] {
  const name = attributes.get('NAME')
  if (name !== undefined) return [name, attributes.get('VALUE')]
  const imports = attributes.get('IMPORT')
  if (imports !== undefined) return [imports, imported.get(imports)]
  const parameter = attributes.get('QUERYPARAM')
  return parameter === undefined ? [undefined, undefined] : [parameter, readQuery().get(parameter)]
}

/** Parses the queries of URLs. Of parameters of the same name the first of the first URL counts. */
export function parseQueries(urls: readonly string[]): PlaylistVariables {
  const parameters = urls.flatMap((url) => [...new URL(url).searchParams])
  return new Map(parameters.toReversed())
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
