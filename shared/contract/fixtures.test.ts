import { readdirSync, readFileSync } from 'node:fs'

import * as v from 'valibot'
import { expect, test } from 'vitest'

import { Claim, ClaimRequest } from './assignment.ts'
import { MonitorReport } from './monitors.ts'

/** The schema of each recorded message: a worker may be older than its gateway, so old messages must keep parsing. */
const SCHEMAS: Readonly<Record<string, v.GenericSchema>> = {
  'claim-request.json': ClaimRequest,
  'claim.json': Claim,
  'monitor-report.json': MonitorReport,
  'monitor-report-final.json': MonitorReport,
}
const FOLDER = new URL('fixtures/', import.meta.url)

test.each(readdirSync(FOLDER))('the recorded message %s still parses, without a loss', (file) => {
  const message: unknown = JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8'))
  expect(v.parse(SCHEMAS[file] ?? v.never(), message)).toMatchObject(message as object)
})
