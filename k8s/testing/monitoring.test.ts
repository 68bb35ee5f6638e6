import { readFileSync } from 'node:fs'

import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'

import { createPrometheus } from '../../gateway/adapters/telemetry/prometheus.ts'
import { JOB_STATUSES } from '../../gateway/jobs/status.ts'
import { allMetrics } from '../../gateway/operations/metrics.ts'
import { MONITOR_STATUSES } from '../../gateway/monitors/status.ts'
import { systems } from '../../gateway/systems.ts'
import { createTestSettings } from '../../gateway/testing/test-gateway.ts'
import { parsePrometheusText } from '../../gateway/testing/parse-prometheus-text.ts'
import { parsePromql } from './promql.ts'

const FOLDER = new URL('../monitoring/', import.meta.url)
const read = (file: string) => readFileSync(new URL(file, FOLDER), 'utf8')

/** Labels that Prometheus adds to everything that it scrapes. */
const TARGET_LABELS = ['job', 'instance', 'namespace', 'pod']

const METRICS = allMetrics(systems)
const { systems: configured } = await createTestSettings()

/** Values of labels that the metrics' definitions leave open. */
const OPEN_LABEL_VALUES: Readonly<Record<string, readonly string[]>> = {
  'tallylight_monitors.status': MONITOR_STATUSES,
  'tallylight_jobs.status': JOB_STATUSES,
  'tallylight_workers.kind': configured.flatMap(({ workerRoles }) => workerRoles.map(({ kind }) => kind)),
  'tallylight_http_requests_total.status': ['1xx', '2xx', '3xx', '4xx', '5xx'],
}

type LabelValues = ReadonlyMap<string, readonly string[] | null>

/** Lists the metrics of `/metrics` by their names in Prometheus, with their labels and the values of these. */
async function listMetrics(): Promise<ReadonlyMap<string, LabelValues>> {
  const names = new Map<string, LabelValues>()
  for (const { name, kind, labels } of METRICS) {
    const values = Object.entries(labels).map(([label, all]): [string, readonly string[] | null] => {
      return [label, all ?? OPEN_LABEL_VALUES[`${name}.${label}`] ?? null]
    })
    if (kind !== 'histogram') names.set(name, new Map(values))
    else for (const end of ['bucket', 'sum', 'count']) names.set(`${name}_${end}`, new Map([...values, ['le', null]]))
  }
  for (const [name] of parsePrometheusText((await createPrometheus(METRICS).render?.([])) ?? '')) {
    if (!name.startsWith('tallylight_')) names.set(name, new Map())
  }
  return names
}

/** Returns the problems of an expression: unknown metrics, labels and label values. */
function findProblems(text: string, known: ReadonlyMap<string, LabelValues>): string[] {
  const { selectors, groupings } = parsePromql(text.replaceAll('$__rate_interval', '5m'))
  const available = new Set(TARGET_LABELS)
  const problems: string[] = []
  for (const { name, matchers } of selectors) {
    const labels = known.get(name)
    if (labels === undefined) problems.push(`there is no metric ${name}`)
    for (const label of labels?.keys() ?? []) available.add(label)
    for (const { label, op, value } of matchers)
      problems.push(...findMatcherProblems(name, labels, { label, op, value }))
  }
  return [...problems, ...groupings.filter((label) => !available.has(label)).map((label) => `nothing has a ${label}`)]
}

type Matcher = { readonly label: string; readonly op: string; readonly value: string }

function findMatcherProblems(name: string, labels: LabelValues | undefined, { label, op, value }: Matcher): string[] {
  if (TARGET_LABELS.includes(label) || labels === undefined) return []
  const values = labels.get(label)
  if (values === undefined) return [`${name} has no label ${label}`]
  const wanted = op.includes('~') ? value.split('|') : [value]
  return wanted.filter((one) => values?.includes(one) === false).map((one) => `${name}.${label} is never ${one}`)
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

  it('use existing metrics, labels and label values', async () => {
    const known = await listMetrics()
    expect(rules.length).toBeGreaterThan(10)
    expect(rules.flatMap(({ alert, expr }) => findProblems(expr, known).map((one) => `${alert}: ${one}`))).toEqual([])
  })

  it('use in their texts only labels that their results have', () => {
    for (const { alert, expr, annotations } of rules) {
      const used = Object.values(annotations)
        .join(' ')
        .matchAll(/\$labels\.(\w+)/g)
      const { groupings } = parsePromql(expr)
      const missing = [...used].map(([, label = '']) => label).filter((label) => !groupings.includes(label))
      expect([alert, missing]).toEqual([alert, []])
    }
  })

  it('are equal to those of the Prometheus operator', () => {
    expect(parse(read('prometheus-rule.yaml')).spec).toEqual(parse(read('alerts.yaml')))
  })
})

describe('the dashboard', () => {
  const { panels } = v.parse(Dashboard, JSON.parse(read('grafana-dashboard.json')))
  const targets = panels.flatMap(({ title, targets: all }) => all.map((target) => ({ title, ...target })))

  it('uses existing metrics, labels and label values', async () => {
    const known = await listMetrics()
    expect(targets.length).toBeGreaterThan(25)
    expect(targets.flatMap(({ title, expr }) => findProblems(expr, known).map((one) => `${title}: ${one}`))).toEqual([])
  })

  it('shows every metric of the gateway, and describes each panel', () => {
    const shown = new Set(
      targets.flatMap(({ expr }) => parsePromql(expr.replaceAll('$__rate_interval', '5m')).selectors),
    )
    const names = [...shown].map(({ name }) => name.replace(/_(?:bucket|sum|count)$/, ''))
    expect(METRICS.filter(({ name }) => !names.includes(name))).toEqual([])
    expect(panels.filter(({ targets: all, description }) => all.length > 0 && description === undefined)).toEqual([])
  })
})

describe('an invalid expression', () => {
  it.each([
    ['sum(tallylight_monitor)', 'there is no metric tallylight_monitor'],
    ['sum by (status) (tallylight_workers)', 'nothing has a status'],
    ['tallylight_workers{status="silent"}', 'tallylight_workers has no label status'],
    ['tallylight_workers{state="dead"}', 'tallylight_workers.state is never dead'],
    ['rate(tallylight_alarm_lag_seconds[5m])', 'there is no metric tallylight_alarm_lag_seconds'],
    ['up{job="x"} == 0', 'there is no metric up'],
  ])('is found: %s', async (expr, problem) => {
    expect(findProblems(expr, await listMetrics())).toContain(problem)
  })

  it.each(['sum(tallylight_monitors', 'tallylight_monitors >', '1 + 1', ''])('is refused: %j', (expr) => {
    expect(() => parsePromql(expr)).toThrow(/invalid PromQL|selects no metric/)
  })
})
