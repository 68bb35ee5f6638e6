import * as v from 'valibot'

import type { SettingsSection } from '../settings/section.ts'

type Titled = Pick<SettingsSection, 'title' | 'entries'>

/** Where the tables stand in the settings guide. */
const TABLES = /(<!-- settings -->\n)[\s\S]*(\n<!-- end of settings -->)/

/**
 * Returns the settings guide with the tables of these sections.
 * @throws Error where the guide has no place for them
 */
export function withSettingsTables(guide: string, sections: readonly Titled[]): string {
  if (!TABLES.test(guide))
    throw new Error('the settings guide lacks its markers: <!-- settings --> and <!-- end of settings -->')
  return guide.replace(TABLES, (_, start: string, end: string) => `${start}\n${settingsTables(sections)}\n${end}`)
}

/** Returns sections of settings as Markdown: a heading and a table for each, in the order of their schemas. */
function settingsTables(sections: readonly Titled[]): string {
  return sections.map((section) => `## ${section.title}\n\n${table(section)}`).join('\n\n')
}

function table({ entries }: Titled): string {
  const rows = Object.entries(entries).map(([name, schema]) => {
    return [`\`${name}\``, defaultOf(schema), descriptionOf(name, schema)]
  })
  const cells = [['name', 'default', 'description'], ...rows]
  const widths = [0, 1, 2].map((column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)))
  const lines = cells.map((row) => `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`)
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`
  return [lines[0], rule, ...lines.slice(1)].join('\n')
}

/** Returns a schema and those that it wraps or begins with, the outermost first. */
function layersOf(schema: v.GenericSchema): readonly v.GenericSchema[] {
  const inner = innerOf(schema)
  return inner === null ? [schema] : [schema, ...layersOf(inner)]
}

function innerOf(schema: v.GenericSchema): v.GenericSchema | null {
  if ('wrapped' in schema && isSchema(schema.wrapped)) return schema.wrapped
  const first: unknown = 'pipe' in schema && Array.isArray(schema.pipe) ? schema.pipe[0] : null
  return isSchema(first) && first !== schema ? first : null
}

function isSchema(value: unknown): value is v.GenericSchema {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'schema'
}

/** Returns the default of a setting as it is written in an environment; empty where it has none. */
function defaultOf(schema: v.GenericSchema): string {
  const found = layersOf(schema).find((layer) => 'default' in layer && typeof layer.default === 'string')
  return found !== undefined && 'default' in found ? `\`${String(found.default)}\`` : ''
}

/**
 * Returns the description of a setting.
 * @throws Error where it has none
 */
function descriptionOf(name: string, schema: v.GenericSchema): string {
  const found = layersOf(schema).flatMap((layer) => v.getDescription(layer) ?? [])
  if (found[0] === undefined)
    throw new Error(`setting ${name} has no description: add v.description(...) to its schema`)
  return found[0]
}
