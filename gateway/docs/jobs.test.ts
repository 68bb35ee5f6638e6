import { readFileSync } from 'node:fs'

import * as v from 'valibot'
import { describe, expect, test } from 'vitest'

import { ValidationLevel } from '../../shared/contract/jobs.ts'
import { listOutputTypes } from '../../shared/contract/presets.ts'
import { PublicJob } from '../jobs/present.ts'
import { readPresets } from '../jobs/read-presets.ts'
import { JOB_STATUSES } from '../jobs/status.ts'
import { mediaRoutes } from '../media/routes.ts'
import { namesInTables, readGuide, sectionOf } from './testing/documents.ts'

const GUIDE = readGuide('jobs')

describe('the guide to jobs', () => {
  test('lists every preset that is shipped, and no other', () => {
    const presets = readPresets(readFileSync(new URL('../jobs/presets.yaml', import.meta.url), 'utf8'))
    expect(namesInTables(sectionOf(GUIDE, 'Presets')).toSorted()).toEqual([...presets.keys()].toSorted())
    expect(new Set([...presets.values()].flatMap(listOutputTypes))).toEqual(new Set(['single', 'hls', 'dash']))
  })

  test('lists every field of a job’s body, every status, and every level of validation', () => {
    const fields = Object.keys(PublicJob.entries.request.entries)
    expect(namesInTables(sectionOf(GUIDE, 'Create a job')).toSorted()).toEqual(fields.toSorted())
    expect(namesInTables(sectionOf(GUIDE, 'Status and progress'))).toEqual([...JOB_STATUSES])
    expect(namesInTables(sectionOf(GUIDE, 'Validation'))).toEqual([...ValidationLevel.options])
  })

  test('sets on a bucket the CORS rule that the gateway has for its own media', async () => {
    const [, text = ''] = /```json\n(\[[\s\S]+?\])\n```/.exec(sectionOf(GUIDE, 'Stores')) ?? []
    const Rule = v.record(v.string(), v.union([v.number(), v.array(v.string())]))
    const [rule = {}] = v.parse(v.array(Rule), JSON.parse(text))
    const { headers } = await mediaRoutes(null).request('/media/x', { method: 'OPTIONS' })
    const listed = (name: string) => headers.get(name)?.split(', ')
    expect(rule).toEqual({
      AllowedOrigins: listed('access-control-allow-origin'),
      AllowedMethods: listed('access-control-allow-methods'),
      AllowedHeaders: listed('access-control-allow-headers'),
      ExposeHeaders: listed('access-control-expose-headers'),
      MaxAgeSeconds: Number(headers.get('access-control-max-age')),
    })
  })
})
