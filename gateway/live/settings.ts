import * as v from 'valibot'

import type { LadderRung } from '../../shared/contract/live.ts'
import { ColdClass } from '../../shared/contract/stores.ts'
import { Duration } from '../../shared/durations.ts'
import type { WorkerResources } from '../ports/launcher.ts'
import {
  cpu,
  flag,
  httpUrl,
  memory,
  orNull,
  pick,
  port,
  setting,
  text,
  wholeNumber,
  type Env,
} from '../settings/fields.ts'
import type { SettingsSection } from '../settings/section.ts'
import { bucketUrlOf, type StoreSettings } from '../settings/stores.ts'
import { chooseStorage } from './choose-storage.ts'
import type { PortRange } from './store/srt-ports.ts'
import { PUSH_ENTRIES, readPushSettings, type PushSettings } from './push-settings.ts'
import { findTipProblems, readTipSettings, TIP_ENTRIES, type TipSettings } from './tip-settings.ts'

const Registration = v.picklist(['open', 'invitation', 'closed'], 'must be open, invitation or closed')
/** Who may create an account. */
export type Registration = v.InferOutput<typeof Registration>

const LADDER_FORM = 'must be rungs such as 1080:5000,720:2800 (height:kbit/s), the highest first'

/** `1080:5000,720:2800`: heights and kbit/s of the picture. */
const Ladder = v.pipe(
  text,
  v.regex(/^\d{2,4}:\d{2,6}(?:,\d{2,4}:\d{2,6}){0,9}$/, LADDER_FORM),
  v.transform((value): readonly LadderRung[] =>
    value.split(',').map((rung) => {
      const [height = 0, kbps = 0] = rung.split(':').map(Number)
      return { height, video_kbps: kbps }
    }),
  ),
  v.check((rungs) => rungs.every(({ height }, i) => i === 0 || height < (rungs[i - 1]?.height ?? 0)), LADDER_FORM),
)

const DAY_SEC = 86_400
const MAX_WINDOW_MS = 1_800_000
/** The port of RTMP (IANA). */
export const RTMP_PORT = 1935
/** The UDP port of what browsers publish. */
export const WHIP_PORT = 8189
const rtmpUrl = v.pipe(
  text,
  v.regex(/^rtmps?:\/\/[^\s/]+\/live$/, 'must be an address such as rtmp://live.example.com/live'),
)

const SRT_FORM = 'must be ports such as 20000-20009, from the first to the last, 100 at most'
const MAX_SRT_PORTS = 100

/** `20000-20009`: a range of ports. */
const SrtPorts = v.pipe(
  text,
  v.regex(/^\d{1,5}-\d{1,5}$/, SRT_FORM),
  v.transform((value): PortRange => {
    const [first = 0, last = 0] = value.split('-').map(Number)
    return { first, last }
  }),
  v.check(({ first, last }) => first >= 1 && last >= first && last <= 65_535 && last - first < MAX_SRT_PORTS, SRT_FORM),
)

const host = v.pipe(text, v.regex(/^[\w.:-]{1,253}$/, 'must be a name or an address, without a port'))

/** Variables that ingest workers read themselves: checked here for their form, and passed on as written. */
const ForIngest = v.object({
  RTMP_HOST: setting(
    v.optional(text),
    'Address that encoders connect to on this machine. Default: 127.0.0.1. Pods listen on all addresses.',
  ),
  RTMP_PORT: setting(
    v.optional(port),
    'Port of RTMP. Default: 1935 or, where another program has it, any free port. In a cluster it is 1935.',
  ),
  RTMPS_PORT: setting(
    v.optional(port),
    'Port of RTMPS, which needs `TLS_CERT_FILE` and `TLS_KEY_FILE`. Default: 1936. Not used in a cluster.',
  ),
  WHIP_PORT: setting(
    v.optional(port),
    'UDP port of WebRTC, by which browsers publish. Default: 8189 or, where another program has it, any free port. In a cluster it is 8189.',
  ),
  WHIP_HOST: setting(
    v.optional(host),
    'Public name or address of `WHIP_PORT`, where it is not an address of this machine: behind NAT, and in a cluster. Default: the addresses of `RTMP_HOST`.',
  ),
  TLS_CERT_FILE: setting(v.optional(text), 'File of the certificate for RTMPS, in PEM. Not available in a cluster.'),
  TLS_KEY_FILE: setting(v.optional(text), "File of the certificate's key, in PEM."),
})

const LiveEnvironment = v.object({
  ...ForIngest.entries,
  REGISTRATION: setting(
    v.optional(Registration, 'open'),
    'Whether people may create accounts: `open` (yes), `invitation` (only with an invitation) or `closed` (no). The first account may always be created; it is an admin.',
  ),
  INGEST_WORKERS: setting(
    v.optional(wholeNumber(0, 100), '1'),
    'Number of ingest workers, which encoders connect to. 0: this installation takes no broadcasts.',
  ),
  SRT_PORTS: setting(
    orNull(SrtPorts),
    'Turns SRT on: its UDP ports, as `20000-20009`. A broadcast has one of them from its creation to its end, while one is free. On one machine only; encoders reach them at the address of `RTMP_HOST`.',
  ),
  MAX_BROADCASTS: setting(
    v.optional(wholeNumber(1, 100_000), '20'),
    'Largest number of broadcasts on the air at a time. A further encoder is refused.',
  ),
  MAX_BROADCAST_HOURS: setting(
    v.optional(wholeNumber(1, 168), '12'),
    'Longest time that a broadcast stays on the air, in hours.',
  ),
  RECONNECT_WINDOW: setting(
    v.optional(v.pipe(Duration, v.maxValue(MAX_WINDOW_MS, 'must not be longer than 1800 s')), '90s'),
    'How long a broadcast waits for its encoder to come back before it ends, 0 to 1800 s.',
  ),
  LIVE_LADDER: setting(
    v.optional(Ladder, '1080:5000,720:2800,480:1400,360:800'),
    'Renditions of a broadcast, as `height:kbit/s`, the highest first. Those above the source are left out. Upright pictures have the height as their width.',
  ),
  LIVE_WATCHDOG: setting(
    v.optional(flag, 'true'),
    'Watches each broadcast with a monitor of its own, which counts against `MAX_MONITORS`.',
  ),
  LIVE_CDN_URL: setting(
    orNull(httpUrl),
    'URL of a CDN in front of what serves segments: the gateway or, with the `s3` store, the bucket. The segment URLs of playlists begin with it.',
  ),
  ARCHIVE_RETENTION_DAYS: setting(
    v.optional(wholeNumber(0, 36_500), '0'),
    'How long recordings are kept, in days. 0: for ever. The entry of the broadcast stays.',
  ),
  ARCHIVE_COLD_AFTER_DAYS: setting(
    v.optional(wholeNumber(0, 36_500), '90'),
    'With the `s3` store, the files of older recordings move to `ARCHIVE_COLD_CLASS`, in days. 0: never.',
  ),
  ARCHIVE_COLD_CLASS: setting(
    v.optional(ColdClass, 'STANDARD_IA'),
    'Storage class of old recordings, which play as before: `STANDARD_IA`, `ONEZONE_IA`, `INTELLIGENT_TIERING` or `GLACIER_IR`.',
  ),
  LIVE_STORAGE_QUOTA_GB: setting(
    v.optional(wholeNumber(0, 1_000_000), '0'),
    'Largest size of the stored broadcasts, recordings and clips of the channel of one account, in GB (10^9 bytes). 0: unlimited. Beyond it, new broadcasts are not recorded.',
  ),
  CLIP_WORKERS: setting(
    v.optional(wholeNumber(1, 100), '2'),
    'Number of clips that are cut at a time. Each takes a core or two for up to a minute; further ones wait.',
  ),
  RTMP_URL: setting(
    orNull(rtmpUrl),
    'Address that encoders publish to, as shown to broadcasters. Default: derived from `PUBLIC_URL` or `HOST`, and the port of RTMP.',
  ),
  LIVE_CPU_REQUEST: setting(v.optional(cpu, '1'), 'CPU request of the Pod of a broadcast.'),
  LIVE_MEMORY_REQUEST: setting(v.optional(memory, '512Mi'), 'Memory request of the Pod of a broadcast.'),
  LIVE_CPU_LIMIT: setting(v.optional(cpu, '4'), 'CPU limit of the Pod of a broadcast.'),
  LIVE_MEMORY_LIMIT: setting(v.optional(memory, '1Gi'), 'Memory limit of the Pod of a broadcast.'),
})

/** How long files of recordings are kept, and how. */
export type ArchiveSettings = {
  /** Seconds; `null`: for ever. */
  readonly retentionSec: number | null
  /** Seconds; `null`: they never move to a colder class. */
  readonly coldAfterSec: number | null
  readonly coldClass: ColdClass
  /** Bytes of one account; `null`: unlimited. */
  readonly quotaBytes: number | null
}

/** The settings of live. */
export type LiveSettings = {
  readonly registration: Registration
  /** Whether browsers send the session's cookie over https only. */
  readonly isCookieSecure: boolean
  readonly ingestWorkers: number
  /** The ports of SRT; `null`: it is off. */
  readonly srtPorts: PortRange | null
  readonly maxBroadcasts: number
  readonly maxBroadcastSec: number
  readonly reconnectWindowMs: number
  readonly ladder: readonly LadderRung[]
  /** Whether each broadcast gets a monitor of its own. */
  readonly isWatched: boolean
  readonly archives: ArchiveSettings
  /** Clips that are cut at a time. */
  readonly clipWorkers: number
  /** `null`: no pushes are sent. */
  readonly push: PushSettings | null
  readonly tips: TipSettings
  /** Where encoders publish to; `null`: at the ports that the ingest worker reports. */
  readonly rtmpUrl: string | null
  /** The port of RTMP that an ingest worker takes where it is free. */
  readonly rtmpPort: number
  readonly resources: WorkerResources
  readonly stores: StoreSettings
  /** URL below which the files of broadcasts are read; `null`: at the gateway itself. */
  readonly filesUrl: string | null
  /** Variables of the workers' environments. */
  readonly workerEnv: Readonly<Record<string, string>>
  readonly ingestEnv: Readonly<Record<string, string>>
  /** Folder in which ingest workers keep what they receive for those that follow them; `null`: they keep it in memory only. */
  readonly journalDir: string | null
}

/** The settings of live, as checked before the gateway starts. */
export const LIVE_SECTION: SettingsSection = {
  title: 'Live',
  entries: { ...LiveEnvironment.entries, ...PUSH_ENTRIES, ...TIP_ENTRIES },
  problems: (env) => [...findTlsProblems(env), ...findSrtProblems(env), ...findTipProblems(env)],
}

function findTlsProblems({ TLS_CERT_FILE, TLS_KEY_FILE, LAUNCHER }: Env): string[] {
  if ((TLS_CERT_FILE === undefined) !== (TLS_KEY_FILE === undefined)) {
    return ['TLS_CERT_FILE and TLS_KEY_FILE need each other: set both or none']
  }
  return LAUNCHER === 'kubernetes' && TLS_CERT_FILE !== undefined
    ? [
        'TLS_CERT_FILE cannot be used with LAUNCHER=kubernetes: let the load balancer or a proxy end TLS, see k8s/README.md',
      ]
    : []
}

function findSrtProblems({ SRT_PORTS, LAUNCHER }: Env): string[] {
  return LAUNCHER === 'kubernetes' && SRT_PORTS !== undefined
    ? ['SRT_PORTS cannot be used with LAUNCHER=kubernetes: let encoders publish by RTMP or RTMPS there']
    : []
}

/** What the settings of live depend on beside their own variables. */
type LiveSurroundings = {
  readonly publicUrl: string | null
  readonly stores: StoreSettings
  /** Variables that every worker takes over. */
  readonly workerEnv: Readonly<Record<string, string>>
  readonly journalDir: string | null
}

/** Returns the settings of live, from an environment that `LIVE_SECTION` has no problems with. */
export function readLiveSettings(
  raw: Env,
  { publicUrl, stores, workerEnv, journalDir }: LiveSurroundings,
): LiveSettings {
  const env = v.parse(LiveEnvironment, raw)
  return {
    registration: env.REGISTRATION,
    isCookieSecure: raw['NODE_ENV'] === 'production' || publicUrl?.startsWith('https:') === true,
    ingestWorkers: env.INGEST_WORKERS,
    srtPorts: env.SRT_PORTS,
    maxBroadcasts: env.MAX_BROADCASTS,
    maxBroadcastSec: env.MAX_BROADCAST_HOURS * 3600,
    reconnectWindowMs: env.RECONNECT_WINDOW,
    ladder: env.LIVE_LADDER,
    isWatched: env.LIVE_WATCHDOG,
    archives: {
      retentionSec: positiveOrNull(env.ARCHIVE_RETENTION_DAYS * DAY_SEC),
      coldAfterSec: chooseStorage(stores) === 's3' ? positiveOrNull(env.ARCHIVE_COLD_AFTER_DAYS * DAY_SEC) : null,
      coldClass: env.ARCHIVE_COLD_CLASS,
      quotaBytes: positiveOrNull(env.LIVE_STORAGE_QUOTA_GB * 1e9),
    },
    clipWorkers: env.CLIP_WORKERS,
    push: readPushSettings(raw),
    tips: readTipSettings(raw),
    rtmpUrl: env.RTMP_URL,
    rtmpPort: env.RTMP_PORT ?? RTMP_PORT,
    resources: {
      requests: { cpu: env.LIVE_CPU_REQUEST, memory: env.LIVE_MEMORY_REQUEST },
      limits: { cpu: env.LIVE_CPU_LIMIT, memory: env.LIVE_MEMORY_LIMIT },
    },
    stores,
    filesUrl: env.LIVE_CDN_URL ?? bucketUrlOf(raw, { defaultStorage: chooseStorage(stores) }),
    workerEnv,
    ingestEnv: { ...workerEnv, ...pick(raw, Object.keys(ForIngest.entries)) },
    journalDir,
  }
}

function positiveOrNull(value: number): number | null {
  return value > 0 ? value : null
}
