import type { Context } from '../context.ts'
import type { Settings } from '../settings/settings.ts'
import type { LiveSettings } from './settings.ts'

/** The gateway's context with the settings of live. */
export type LiveContext = Context & { readonly settings: LiveContextSettings }
export type LiveContextSettings = Settings & { readonly live: LiveSettings }
