/** Fields that the messages of live's workers share. */

import * as v from 'valibot'

import { toWellFormed, withoutNul } from './text.ts'

export const count = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(Number.MAX_SAFE_INTEGER))
export const small = v.pipe(count, v.maxValue(2_147_483_647))
export const seconds = v.pipe(v.number(), v.minValue(0), v.maxValue(1e9))
/** Text that was cut within a character is taken: one session must not stop the reports of the others. */
export const shortText = v.pipe(v.string(), v.maxLength(300), withoutNul(), v.transform(toWellFormed))
export const uuid = v.pipe(v.string(), v.uuid())
