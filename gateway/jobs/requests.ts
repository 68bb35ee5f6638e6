import * as v from 'valibot'

import { StorageKind } from '../../shared/contract/stores.ts'
import { listOutputTypes, OutputType, type Preset } from '../../shared/contract/presets.ts'
import { PRIVATE_ADDRESS } from '../../shared/net/safe-url.ts'
import { KERNEL_ERRORS, type ErrorCode } from '../errors.ts'
import type { StoreSettings } from '../settings/stores.ts'
import { objectProblem, type FieldProblem } from '../http/json-body.ts'
import { Cursor, Limit } from '../http/paging.ts'
import { guardedUrl, intIn, Metadata, numberIn, PlainObject, urlField } from '../http/request-fields.ts'
import type { JobsContextSettings } from './context.ts'
import { JOB_ERRORS } from './errors.ts'
import { parseInputUrl } from './input-url.ts'
import { endProblem, pathProblem } from './output-path.ts'
import type { Presets } from './settings.ts'
import { JOB_STATUSES } from './status.ts'

type BodySettings = Pick<JobsContextSettings, 'allowPrivateNetworks' | 'jobs'>

const LONGEST_TIMEOUT_SEC = 86_400
/** A week. */
const LONGEST_MEDIA_SEC = 604_800
const SHORTEST_CLIP_SEC = 0.1
const MAX_CHUNKS = 256

const BooleanField = v.boolean('must be true or false')

const ClipField = v.pipe(
  PlainObject,
  v.strictObject(
    {
      start_sec: numberIn(0, LONGEST_MEDIA_SEC, ' seconds'),
      duration_sec: numberIn(SHORTEST_CLIP_SEC, LONGEST_MEDIA_SEC, ' seconds'),
    },
    objectProblem,
  ),
)

const CHUNKS = `must be auto, or a whole number from 1 to ${MAX_CHUNKS}`
const Chunks = v.pipe(
  v.union([v.literal('auto'), v.number()], CHUNKS),
  v.check((chunks) => chunks === 'auto' || (Number.isInteger(chunks) && chunks >= 1 && chunks <= MAX_CHUNKS), CHUNKS),
)

/** A preset with its name. */
export type NamedPreset = { readonly name: string; readonly preset: Preset }

function presetField(presets: Presets) {
  const message = `must be one of ${[...presets.keys()].join(', ')}`
  return v.pipe(
    v.string(message),
    v.rawTransform(({ dataset, addIssue, NEVER }): NamedPreset => {
      const preset = presets.get(dataset.value)
      if (preset !== undefined) return { name: dataset.value, preset }
      addIssue({ message })
      return NEVER
    }),
  )
}

/** The setting that each store needs. */
const REQUIRED_SETTING: Readonly<Record<StorageKind, string>> = {
  local: 'LAUNCHER=process, where workers share a disk',
  s3: 'S3_BUCKET',
  ftp: 'FTP_HOST',
}

function storageField({ storages, defaultStorage }: StoreSettings) {
  const given = v.pipe(
    StorageKind,
    v.check(
      (kind) => storages.includes(kind),
      ({ input }) => `is not set up: ${input} needs ${REQUIRED_SETTING[input]}`,
    ),
  )
  return defaultStorage === null ? given : v.optional(given, defaultStorage)
}

const Path = v.pipe(
  v.string('must be a path below the root of the store, as a string'),
  v.check(
    (path) => pathProblem(path) === null,
    ({ input }) => pathProblem(input) ?? '',
  ),
)

function defaultType({ preset }: { readonly preset: NamedPreset }): OutputType {
  return listOutputTypes(preset.preset)[0]
}

/** Returns the schema of the body of `POST /jobs`; a preset's name is replaced by the preset. */
export function createJobBody({ allowPrivateNetworks, jobs }: BodySettings) {
  const policy = { allowPrivateNetworks, allowFileInput: jobs.allowFileInput }
  const Output = v.pipe(
    PlainObject,
    v.strictObject(
      {
        storage: storageField(jobs.stores),
        path: Path,
        type: v.optional(OutputType),
        metadata: v.optional(Metadata, {}),
      },
      objectProblem,
    ),
  )
  return v.pipe(
    v.strictObject(
      {
        input_url: urlField(
          (text) => parseInputUrl(text, policy),
          (href) => href,
        ),
        preset: presetField(jobs.presets),
        output: Output,
        callback_url: v.optional(v.nullable(guardedUrl(policy)), null),
        priority: v.optional(intIn(-100, 100), 0),
        timeout_sec: v.optional(intIn(1, LONGEST_TIMEOUT_SEC, ' seconds'), jobs.timeoutSec),
        chunks: v.optional(Chunks, 1),
        clip: v.optional(v.nullable(ClipField), null),
        thumbnails: v.optional(BooleanField, false),
      },
      objectProblem,
    ),
    v.transform(({ output, ...rest }) => ({ ...rest, output: { ...output, type: output.type ?? defaultType(rest) } })),
    v.forward(
      v.check(
        ({ preset, output }) => listOutputTypes(preset.preset).includes(output.type),
        ({ input: { preset } }) => `must be ${listOutputTypes(preset.preset).join(' or ')} with preset ${preset.name}`,
      ),
      ['output', 'type'],
    ),
    v.forward(
      v.check(
        ({ output }) => endProblem(output.path, output.type) === null,
        ({ input: { output } }) => endProblem(output.path, output.type) ?? '',
      ),
      ['output', 'path'],
    ),
  )
}
export type CreateJobBody = v.InferOutput<ReturnType<typeof createJobBody>>

/** Returns the error code of a refused body: problems of URLs go before the preset's, and these before the output's. */
export function creationErrorCode(problems: readonly FieldProblem[]): ErrorCode {
  const urls = problems.filter(({ field }) => field === 'input_url' || field === 'callback_url')
  const isForbidden = urls.every(({ message }) => message === PRIVATE_ADDRESS)
  if (urls.length > 0) return isForbidden ? JOB_ERRORS.FORBIDDEN_URL : KERNEL_ERRORS.INVALID_URL
  if (problems.some(({ field }) => field === 'preset')) return JOB_ERRORS.UNKNOWN_PRESET
  const isOutput = problems.some(({ field }) => /^output(?:\.|$)/.test(field))
  return isOutput ? JOB_ERRORS.INVALID_OUTPUT : KERNEL_ERRORS.INVALID_CONFIG
}

/** Query of `GET /jobs`. */
export const ListJobsQuery = v.strictObject(
  {
    status: v.optional(v.picklist(JOB_STATUSES, `must be one of ${JOB_STATUSES.join(', ')}`)),
    limit: Limit,
    cursor: Cursor,
  },
  objectProblem,
)
export type ListJobsQuery = v.InferOutput<typeof ListJobsQuery>
