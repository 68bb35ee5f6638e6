import type { Hono } from 'hono'

import type { IdField } from '../shared/log.ts'
import type { Context } from './context.ts'
import type { ErrorCode } from './errors.ts'
import type { Authentication } from './http/authentication.ts'
import type { BodyLimit } from './http/body-limit.ts'
import type { ComposeMail } from './mail/send-mails.ts'
import type { OutboxEvent } from './outbox/store/events.ts'
import type { Db, Tx } from './ports/database.ts'
import type { InstalledResolver } from './ports/installed-resolver.ts'
import type { WorkerRole } from './ports/launcher.ts'
import type { GaugeSample, MetricDefinition } from './ports/metrics.ts'
import type { MessageDelivery } from './queue/deliver-messages.ts'
import type { PeriodicTask } from './scheduler/periodic-task.ts'
import type { Env } from './settings/fields.ts'
import type { SettingsSection } from './settings/section.ts'
import type { Settings } from './settings/settings.ts'
import type { WorkerKind } from './workers/worker-kind.ts'

/**
 * A service of the gateway, such as monitors. It carries everything that the gateway needs to know of it: deleting its
 * folders and its entries in `systems.ts` and `worker/kinds.ts` removes it.
 */
export type System = {
  readonly name: string
  readonly settings: SettingsSection
  readonly errors: readonly ErrorCode[]
  readonly metrics: readonly MetricDefinition[]
  /** The log field of each of its ids, by prefix: `{ mon: 'monitor_id' }`. */
  readonly idFields: Readonly<Record<string, IdField>>
  /** Scripts, stylesheets and pictures of its pages, as paths below `gateway/`. */
  readonly pageSources?: readonly string[]
  /** Commands of operators beside `migrate`. */
  readonly commands?: readonly Command[]
  /**
   * Reads its settings.
   * @throws SettingsError where a file that they name is wrong; `settings` was checked before
   */
  configure(surroundings: SystemSurroundings): Promise<SystemConfiguration>
}

/** A command of operators on the machine of a gateway: `node gateway/node.ts NAME …`. */
export type Command = {
  readonly name: string
  /** Runs it and returns what to print. @throws Error with the cure where the arguments are wrong */
  run(db: Db, args: readonly string[]): Promise<string>
}

/** What a system reads its settings from. */
export type SystemSurroundings = {
  /** The environment, without empty variables. */
  readonly env: Env
  readonly settings: Settings
  /** The folder of the gateway's own files. */
  readonly dataDir: string
  /** The yt-dlp that was installed for this machine; left out on a runtime without programs. */
  readonly installedResolver?: InstalledResolver | null
  /** Where clients reach the gateway. */
  readonly url: string
  /** Returns the text of the file that a setting names, or of the system's own file where it is not set. */
  readonly readText: (setting: string, own: OwnFile) => Promise<string>
  /** Returns a path of this machine as an absolute one. */
  readonly toAbsolute: (path: string) => string
}

/** A file that comes with a system: its path below `gateway/`, and its text where it is bundled. */
export type OwnFile = { readonly path: string; readonly bundled: () => Promise<{ readonly default: string }> }

/** What a system is made of once it has its settings. */
export type SystemConfiguration = {
  /** Labels, resources, ports and network needs of each kind of its workers in a cluster. */
  readonly workerRoles: readonly WorkerRole[]
  /** What to do first with it, shown when a gateway starts: `label` has at most four characters. */
  readonly welcome?: { readonly label: string; readonly text: string }
  /** Returns the system at work in one gateway. */
  mount(context: Context): MountedSystem
}

/** A system that has its settings. */
export type ConfiguredSystem = SystemConfiguration & { readonly definition: System }

/** A system at work in one gateway. */
export type MountedSystem = {
  readonly name: string
  readonly workerKinds: readonly WorkerKind[]
  readonly api: SystemApi
  /** Callbacks of its workers, mounted at `/internal/v1`. */
  readonly callbacks: Hono
  /** Callbacks whose body may be larger than 64 KiB. */
  readonly callbackBodies?: readonly BodyLimit[]
  /** Routes that need no key, mounted at `/`. */
  readonly publicRoutes?: Hono
  /** What paths of media begin with. Their answers have security headers of their own: pages of other origins play them. */
  readonly mediaPaths?: readonly string[]
  /** Its pages, mounted at `/`. */
  readonly pages?: Hono
  readonly periodicTasks: readonly PeriodicTask[]
  /** Handles a webhook that failed all its attempts, in the transaction that records it. */
  onWebhookExhausted(tx: Tx, event: OutboxEvent): Promise<void>
  /** Composes its mails, by their kind. */
  readonly mails?: ReadonlyMap<string, ComposeMail>
  /** Send its messages of other kinds. */
  readonly deliveries?: readonly MessageDelivery[]
  /** Returns how many of its records are active, and how many may be; left out where there is no limit. */
  capacity?(): Promise<Capacity>
  /** Returns what `/readyz` says of it beside its checks, which makes no gateway unready. */
  facts?(): Readonly<Record<string, unknown>>
  /** Returns its sampled gauges. */
  readGauges(): Promise<readonly GaugeSample[]>
}

/** The public API of a system, mounted at `/api/v1`. */
export type SystemApi = {
  /** The first segments of its paths below `/api/v1`: `monitors`. */
  readonly paths: readonly string[]
  /** How its clients authenticate. */
  readonly authentication: Authentication
  readonly routes: Hono
}

/** How many records of a system are active, and how many may be. */
export type Capacity = { readonly used: number; readonly limit: number }
