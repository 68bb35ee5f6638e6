/** One sample of the Prometheus text format. */
export type PrometheusSample = {
  /** Name with its suffix, such as `_bucket` of a histogram. */
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}
export type PrometheusFamily = {
  readonly type: string
  readonly help: string
  readonly samples: readonly PrometheusSample[]
}

/** Numbers have Go's syntax, in which the case of NaN does not matter: prom-client writes `Nan`. */
const DECLARATION = /^# (HELP|TYPE) ([a-z_][a-z0-9_]*) (\S.*)$/
const SAMPLE = /^([a-z_][a-z0-9_]*)(?:\{(.*)\})? (-?[0-9.]+(?:e[+-]?\d+)?|[+-]Inf|Nan|NaN)$/
const LABEL = /([a-z_][a-z0-9_]*)="((?:[^"\\]|\\["\\n])*)"(?:,|$)/y
const SAMPLE_SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  histogram: ['_bucket', '_sum', '_count'],
  summary: ['', '_sum', '_count'],
}

/**
 * Parses the text of `/metrics` (format version 0.0.4) strictly: each family is declared once, before its samples, and
 * no sample is repeated.
 * @throws Error where a line violates the format
 */
export function parsePrometheusText(text: string): ReadonlyMap<string, PrometheusFamily> {
  if (!text.endsWith('\n')) throw new Error('the last line has no newline')
  const families = new Map<string, { type: string; help: string; samples: PrometheusSample[] }>()
  const seen = new Set<string>()
  for (const line of text.split('\n').filter((one) => one !== '')) {
    const [, declared, name = '', rest = ''] = DECLARATION.exec(line) ?? []
    if (declared === undefined) addSample(families, seen, line)
    else if (declared === 'TYPE') declareFamily(families, name, 'untyped').type = rest
    else declareFamily(families, name, null).help = rest
  }
  return families
}

type MutableFamilies = Map<string, { type: string; help: string; samples: PrometheusSample[] }>

function declareFamily(families: MutableFamilies, name: string, was: string | null) {
  const known = families.get(name)
  if ((known?.type ?? null) !== was) throw new Error(`${name} is declared twice, or its TYPE comes before its HELP`)
  const family = known ?? { type: 'untyped', help: '', samples: [] }
  families.set(name, family)
  return family
}

function addSample(families: MutableFamilies, seen: Set<string>, line: string): void {
  const [whole, name = '', labels = '', value = ''] = SAMPLE.exec(line) ?? []
  if (whole === undefined) throw new Error(`not a line of the format: ${line}`)
  const key = `${name}{${labels}}`
  if (seen.has(key)) throw new Error(`repeated sample: ${key}`)
  seen.add(key)
  const [, family] = [...families].find(([of, { type }]) => isSampleOf(name, of, type)) ?? []
  if (family === undefined) throw new Error(`sample without a family: ${line}`)
  family.samples.push({
    name,
    labels: parseLabels(labels),
    value: Number(value.replace('Inf', 'Infinity').replace('Nan', 'NaN')),
  })
}

function isSampleOf(name: string, family: string, type: string): boolean {
  return (SAMPLE_SUFFIXES[type] ?? ['']).some((ending) => name === family + ending)
}

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {}
  LABEL.lastIndex = 0
  while (LABEL.lastIndex < text.length) {
    const [whole, name = '', value = ''] = LABEL.exec(text) ?? []
    if (whole === undefined) throw new Error(`invalid labels: ${text}`)
    labels[name] = value
  }
  return labels
}
