import * as v from 'valibot'

import { StorageKind } from '../../shared/contract/jobs.ts'
import { outputTypesOf, OutputType, type Preset } from '../../shared/contract/presets.ts'
import { PRIVATE_ADDRESS } from '../../shared/safe-url.ts'
import type { Settings } from '../config.ts'
import type { ErrorCode } from '../errors.ts'
import { objectProblem, type FieldProblem } from '../http/json-body.ts'
import { Cursor, Limit } from '../http/paging.ts'
import { guardedUrl, intIn, Metadata, numberIn, PlainObject, urlField } from '../http/request-fields.ts'
import type { Presets } from '../job-settings.ts'
import { readInputUrl } from './input-url.ts'
import { endProblem, pathProblem } from './output-path.ts'
import { JOB_STATUSES } from './status.ts'

type BodySettings = Pick<Settings, 'allowPrivateNetworks' | 'jobs'>

const LONGEST_SEC = 86_400
/** A week: longer inputs are no files. */
const LONGEST_MEDIA_SEC = 604_800
const SHORTEST_CLIP_SEC = 0.1
const MAX_CHUNKS = 256

const YesNo = v.boolean('must be true or false')

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

/** A preset by its name; comes out with what it makes. */
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

/** Which setting sets up a store. */
const NEEDS: Readonly<Record<StorageKind, string>> = {
  local: 'LAUNCHER=process, where workers share a disk',
  s3: 'S3_BUCKET',
  ftp: 'FTP_HOST',
}

function storageField({ storages, defaultStorage }: Settings['jobs']) {
  const given = v.pipe(
    StorageKind,
    v.check(
      (kind) => storages.includes(kind),
      ({ input }) => `is not set up: ${input} needs ${NEEDS[input]}`,
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
  return outputTypesOf(preset.preset)[0]
}

/** Body of `POST /jobs`, as the settings take it, with its defaults; `preset` comes out with what it makes. */
export function createJobBody({ allowPrivateNetworks, jobs }: BodySettings) {
  const policy = { allowPrivateNetworks, allowFileInput: jobs.allowFileInput }
  const Output = v.pipe(
    PlainObject,
    v.strictObject(
      {
        storage: storageField(jobs),
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
          (text) => readInputUrl(text, policy),
          (href) => href,
        ),
        preset: presetField(jobs.presets),
        output: Output,
        callback_url: v.optional(v.nullable(guardedUrl(policy)), null),
        priority: v.optional(intIn(-100, 100), 0),
        timeout_sec: v.optional(intIn(1, LONGEST_SEC, ' seconds'), jobs.timeoutSec),
        chunks: v.optional(Chunks, 1),
        clip: v.optional(v.nullable(ClipField), null),
        thumbnails: v.optional(YesNo, false),
      },
      objectProblem,
    ),
    v.transform(({ output, ...rest }) => ({ ...rest, output: { ...output, type: output.type ?? defaultType(rest) } })),
    v.forward(
      v.check(
        ({ preset, output }) => outputTypesOf(preset.preset).includes(output.type),
        ({ input: { preset } }) => `must be ${outputTypesOf(preset.preset).join(' or ')} with preset ${preset.name}`,
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

/** By what is wrong: a URL before the preset, that before the output. */
export function codeOfCreation(problems: readonly FieldProblem[]): ErrorCode {
  const urls = problems.filter(({ field }) => field === 'input_url' || field === 'callback_url')
  if (urls.length > 0) return urls.every(({ message }) => message === PRIVATE_ADDRESS) ? 'FORBIDDEN_URL' : 'INVALID_URL'
  if (problems.some(({ field }) => field === 'preset')) return 'UNKNOWN_PRESET'
  return problems.some(({ field }) => /^output(?:\.|$)/.test(field)) ? 'INVALID_OUTPUT' : 'INVALID_CONFIG'
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
