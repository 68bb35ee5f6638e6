import { readFileSync } from 'node:fs'

import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'

import { createPrometheus } from '../adapters/prometheus.ts'
import { JOB_STATUSES } from '../jobs/status.ts'
import { FIGURES } from '../metrics/figures.ts'
import { MONITOR_STATUSES } from '../monitors/status.ts'
import { systems } from '../systems.ts'
import { readPrometheusText } from './prometheus-text.ts'
import { readPromql } from './promql.ts'

const FOLDER = new URL('../../k8s/monitoring/', import.meta.url)
const read = (file: string) => readFileSync(new URL(file, FOLDER), 'utf8')

/** Labels that Prometheus itself puts on everything that it scrapes. */
const OF_ITS_OWN = ['job', 'instance', 'namespace', 'pod']

/** Values of labels that figures.ts leaves to others. */
const KNOWN_ELSEWHERE: Readonly<Record<string, readonly string[]>> = {
  'tallylight_monitors.status': MONITOR_STATUSES,
  'tallylight_jobs.status': JOB_STATUSES,
  'tallylight_workers.kind': systems.map(({ workerKind }) => workerKind.kind),
  'tallylight_http_requests_total.status': ['1xx', '2xx', '3xx', '4xx', '5xx'],
}

type LabelValues = ReadonlyMap<string, readonly string[] | null>

/** Every name under which Prometheus knows a figure of `/metrics`, with its labels and what these can be. */
async function knownNames(): Promise<ReadonlyMap<string, LabelValues>> {
  const names = new Map<string, LabelValues>()
  for (const [name, { kind, labels }] of Object.entries(FIGURES)) {
    const values = Object.entries(labels).map(([label, all]): [string, readonly string[] | null] => {
      return [label, all ?? KNOWN_ELSEWHERE[`${name}.${label}`] ?? null]
    })
    if (kind !== 'histogram') names.set(name, new Map(values))
    else for (const end of ['bucket', 'sum', 'count']) names.set(`${name}_${end}`, new Map([...values, ['le', null]]))
  }
  for (const [name] of readPrometheusText((await createPrometheus().render?.([])) ?? '')) {
    if (!name.startsWith('tallylight_')) names.set(name, new Map())
  }
  return names
}

/** What is wrong with an expression: figures, labels and values that are not there. */
function problemsOf(text: string, known: ReadonlyMap<string, LabelValues>): string[] {
  const { selectors, groupings } = readPromql(text.replaceAll('$__rate_interval', '5m'))
  const available = new Set(OF_ITS_OWN)
  const problems: string[] = []
  for (const { name, matchers } of selectors) {
    const labels = known.get(name)
    if (labels === undefined) problems.push(`there is no figure ${name}`)
    for (const label of labels?.keys() ?? []) available.add(label)
    for (const { label, op, value } of matchers) problems.push(...problemsOfMatcher(name, labels, { label, op, value }))
  }
  return [...problems, ...groupings.filter((label) => !available.has(label)).map((label) => `nothing has a ${label}`)]
}

type Matcher = { readonly label: string; readonly op: string; readonly value: string }

function problemsOfMatcher(name: string, labels: LabelValues | undefined, { label, op, value }: Matcher): string[] {
  if (OF_ITS_OWN.includes(label) || labels === undefined) return []
  const values = labels.get(label)
  if (values === undefined) return [`${name} has no label ${label}`]
  const asked = op.includes('~') ? value.split('|') : [value]
  return asked.filter((one) => values?.includes(one) === false).map((one) => `${name}.${label} is never ${one}`)
}

const Rules = v.object({
  groups: v.array(
    v.object({
      name: v.string(),
      rules: v.array(
        v.object({
          alert: v.string(),
          expr: v.string(),
          for: v.optional(v.string()),
          labels: v.object({ severity: v.picklist(['warning', 'critical']) }),
          annotations: v.object({ summary: v.string(), description: v.string() }),
        }),
      ),
    }),
  ),
})

const Panel = v.object({
  title: v.string(),
  description: v.optional(v.pipe(v.string(), v.nonEmpty())),
  targets: v.optional(v.array(v.object({ expr: v.string(), legendFormat: v.string() })), []),
})
const Dashboard = v.object({ panels: v.array(Panel) })

describe('the alert rules', () => {
  const { groups } = v.parse(Rules, parse(read('alerts.yaml')))
  const rules = groups.flatMap((group) => group.rules)

  it('ask for figures, labels and values that there are', async () => {
    const known = await knownNames()
    expect(rules.length).toBeGreaterThan(10)
    expect(rules.flatMap(({ alert, expr }) => problemsOf(expr, known).map((one) => `${alert}: ${one}`))).toEqual([])
  })

  it('name in their texts only labels that their answers have', () => {
    for (const { alert, expr, annotations } of rules) {
      const told = Object.values(annotations)
        .join(' ')
        .matchAll(/\$labels\.(\w+)/g)
      const { groupings } = readPromql(expr)
      const missing = [...told].map(([, label = '']) => label).filter((label) => !groupings.includes(label))
      expect([alert, missing]).toEqual([alert, []])
    }
  })

  it('are the same for the Prometheus operator', () => {
    expect(parse(read('prometheus-rule.yaml')).spec).toEqual(parse(read('alerts.yaml')))
  })
})

describe('the dashboard', () => {
  const { panels } = v.parse(Dashboard, JSON.parse(read('grafana-dashboard.json')))
  const targets = panels.flatMap(({ title, targets: all }) => all.map((target) => ({ title, ...target })))

  it('asks for figures, labels and values that there are', async () => {
    const known = await knownNames()
    expect(targets.length).toBeGreaterThan(25)
    expect(targets.flatMap(({ title, expr }) => problemsOf(expr, known).map((one) => `${title}: ${one}`))).toEqual([])
  })

  it('shows every figure of ours, each panel with what it says', () => {
    const shown = new Set(
      targets.flatMap(({ expr }) => readPromql(expr.replaceAll('$__rate_interval', '5m')).selectors),
    )
    const names = [...shown].map(({ name }) => name.replace(/_(?:bucket|sum|count)$/, ''))
    expect(Object.keys(FIGURES).filter((name) => !names.includes(name))).toEqual([])
    expect(panels.filter(({ targets: all, description }) => all.length > 0 && description === undefined)).toEqual([])
  })
})

describe('a wrong expression', () => {
  it.each([
    ['sum(tallylight_monitor)', 'there is no figure tallylight_monitor'],
    ['sum by (status) (tallylight_workers)', 'nothing has a status'],
    ['tallylight_workers{status="silent"}', 'tallylight_workers has no label status'],
    ['tallylight_workers{state="dead"}', 'tallylight_workers.state is never dead'],
    ['rate(tallylight_alarm_lag_seconds[5m])', 'there is no figure tallylight_alarm_lag_seconds'],
    ['up{job="x"} == 0', 'there is no figure up'],
  ])('is found: %s', async (expr, problem) => {
    expect(problemsOf(expr, await knownNames())).toContain(problem)
  })

  it.each(['sum(tallylight_monitors', 'tallylight_monitors >', '1 + 1', ''])('is refused: %j', (expr) => {
    expect(() => readPromql(expr)).toThrow(/no PromQL|asks for no figure/)
  })
})
