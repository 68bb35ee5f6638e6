import type { Context } from '../context.ts'
import type { Settings } from '../settings/settings.ts'
import type { MonitorSettings } from './settings.ts'

/** The gateway's context with the settings of monitors. */
export type MonitorsContext = Context & { readonly settings: MonitorsContextSettings }
export type MonitorsContextSettings = Settings & { readonly monitors: MonitorSettings }
