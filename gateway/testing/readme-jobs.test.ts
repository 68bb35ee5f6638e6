import { readdirSync } from 'node:fs'

import * as v from 'valibot'
import { describe, expect, test } from 'vitest'

import { ValidationCode, ValidationLevel } from '../../shared/contract/jobs.ts'
import { outputTypesOf } from '../../shared/contract/presets.ts'
import { mediaRoutes } from '../media/routes.ts'
import { PublicJob } from '../jobs/present.ts'
import { JOB_STATUSES } from '../jobs/status.ts'
import { readSource } from './installation.ts'
import { TEST_SETTINGS } from './test-gateway.ts'

const README = readSource('README.md')
const section = (name: string) => new RegExp(`\n## ${name}\n([\\s\\S]*?)(?=\n## |$)`).exec(README)?.[1] ?? ''
const JOBS = section('Encoding a file')

/** The names in the first cells of the table that has this one at its head. */
function firstCells(text: string, head: string): string[] {
  const [, rows = ''] = new RegExp(`\\| ${head} .*\\|\n\\| -.*\\|\n((?:\\|.*\\|\n)+)`).exec(text) ?? []
  const cells = rows.split('\n').map((row) => row.split(' | ')[0] ?? '')
  return cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name))
}

describe('what the README says of jobs', () => {
  test('has every preset that is shipped, and no other', () => {
    const { presets } = TEST_SETTINGS.jobs
    expect(firstCells(JOBS, 'preset').toSorted()).toEqual([...presets.keys()].toSorted())
    expect(new Set([...presets.values()].flatMap(outputTypesOf))).toEqual(new Set(['single', 'hls', 'dash']))
  })

  test('has every field of a job’s body, every status, and every level of validation', () => {
    expect(firstCells(JOBS, 'field').toSorted()).toEqual(Object.keys(PublicJob.entries.request.entries).toSorted())
    for (const status of JOB_STATUSES) expect(JOBS).toContain(`\`${status}\``)
    expect(firstCells(JOBS, 'level')).toEqual([...ValidationLevel.options])
  })

  test('gives a bucket the rule that the gateway has for its own media', async () => {
    const [, text = ''] = /```json\n(\[[\s\S]+?\])\n```/.exec(JOBS) ?? []
    const Rule = v.record(v.string(), v.union([v.number(), v.array(v.string())]))
    const [rule = {}] = v.parse(v.array(Rule), JSON.parse(text))
    const { headers } = await mediaRoutes({ mediaFiles: null }).request('/media/x', { method: 'OPTIONS' })
    const listed = (name: string) => headers.get(name)?.split(', ')
    expect(rule).toEqual({
      AllowedOrigins: listed('access-control-allow-origin'),
      AllowedMethods: listed('access-control-allow-methods'),
      AllowedHeaders: listed('access-control-allow-headers'),
      ExposeHeaders: listed('access-control-expose-headers'),
      MaxAgeSeconds: Number(headers.get('access-control-max-age')),
    })
  })

  test('has in its Runbook every code that a failed job or its validation can carry', () => {
    const [, errors = ''] = /\n\*\*What a job's error means\*\*([\s\S]+?)\n\*\*/.exec(section('Runbook')) ?? []
    const told = firstCells(errors, 'code')
    const codes = new Set([...ValidationCode.options, ...codesInSources()])
    expect(codes.size).toBeGreaterThan(25)
    expect([...codes].filter((code) => !told.includes(code))).toEqual([])
  })
})

/** Codes as sources of both halves write them where a job fails. */
function codesInSources(): readonly string[] {
  const files = ['worker/jobs', 'gateway/jobs'].flatMap((folder) =>
    readdirSync(new URL(`../../${folder}/`, import.meta.url), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && !/\.test\.ts$|testing\//.test(file))
      .map((file) => readSource(`${folder}/${file}`)),
  )
  const failing = files.flatMap((text) => text.match(/^.*(?:(?:fault|mishap|blame)\)?\(|\bcode: ).*$/gm) ?? [])
  return failing.flatMap((line) => [...line.matchAll(/'([A-Z][A-Z_]{4,})'/g)].map(([, code = '']) => code))
}
