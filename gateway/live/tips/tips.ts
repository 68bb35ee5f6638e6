import type { LiveContext } from '../context.ts'
import type { Payments } from './payments.ts'

/** What calls of tips work with. */
export type Tips = { readonly context: LiveContext; readonly payments: Payments }
