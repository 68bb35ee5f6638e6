import type { Context } from '../context.ts'
import type { Settings } from '../settings/settings.ts'
import type { JobSettings } from './settings.ts'

/** The gateway's context with the settings of jobs. */
export type JobsContext = Context & { readonly settings: JobsContextSettings }
export type JobsContextSettings = Settings & { readonly jobs: JobSettings }
