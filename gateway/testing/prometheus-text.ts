/** One sample of Prometheus' text format. */
export type Sample = {
  /** With the ending that a histogram's samples have. */
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}
export type Family = { readonly type: string; readonly help: string; readonly samples: readonly Sample[] }

/** Numbers are Go's, which does not mind the case of NaN: prom-client writes `Nan`. */
const DECLARATION = /^# (HELP|TYPE) ([a-z_][a-z0-9_]*) (\S.*)$/
const SAMPLE = /^([a-z_][a-z0-9_]*)(?:\{(.*)\})? (-?[0-9.]+(?:e[+-]?\d+)?|[+-]Inf|Nan|NaN)$/
const LABEL = /([a-z_][a-z0-9_]*)="((?:[^"\\]|\\["\\n])*)"(?:,|$)/y
const ENDINGS: Readonly<Record<string, readonly string[]>> = {
  histogram: ['_bucket', '_sum', '_count'],
  summary: ['', '_sum', '_count'],
}

/**
 * Reads what `/metrics` answers, format version 0.0.4, strictly: each family is declared once, before its samples, and
 * no sample comes twice.
 * @throws where a line is none of the format
 */
export function readPrometheusText(text: string): ReadonlyMap<string, Family> {
  if (!text.endsWith('\n')) throw new Error('the last line has no end')
  const families = new Map<string, { type: string; help: string; samples: Sample[] }>()
  const seen = new Set<string>()
  for (const line of text.split('\n').filter((one) => one !== '')) {
    const [, declared, name = '', rest = ''] = DECLARATION.exec(line) ?? []
    if (declared === undefined) addSample(families, seen, line)
    else if (declared === 'TYPE') familyOf(families, name, 'untyped').type = rest
    else familyOf(families, name, null).help = rest
  }
  return families
}

type Families = Map<string, { type: string; help: string; samples: Sample[] }>

function familyOf(families: Families, name: string, was: string | null) {
  const known = families.get(name)
  if ((known?.type ?? null) !== was) throw new Error(`${name} is declared twice, or its TYPE comes before its HELP`)
  const family = known ?? { type: 'untyped', help: '', samples: [] }
  families.set(name, family)
  return family
}

function addSample(families: Families, seen: Set<string>, line: string): void {
  const [whole, name = '', labels = '', value = ''] = SAMPLE.exec(line) ?? []
  if (whole === undefined) throw new Error(`no line of the format: ${line}`)
  const key = `${name}{${labels}}`
  if (seen.has(key)) throw new Error(`comes twice: ${key}`)
  seen.add(key)
  const [, family] = [...families].find(([of, { type }]) => isOf(name, of, type)) ?? []
  if (family === undefined) throw new Error(`of no family: ${line}`)
  family.samples.push({
    name,
    labels: readLabels(labels),
    value: Number(value.replace('Inf', 'Infinity').replace('Nan', 'NaN')),
  })
}

function isOf(name: string, family: string, type: string): boolean {
  return (ENDINGS[type] ?? ['']).some((ending) => name === family + ending)
}

function readLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {}
  LABEL.lastIndex = 0
  while (LABEL.lastIndex < text.length) {
    const [whole, name = '', value = ''] = LABEL.exec(text) ?? []
    if (whole === undefined) throw new Error(`no labels: ${text}`)
    labels[name] = value
  }
  return labels
}
