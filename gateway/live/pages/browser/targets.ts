import { TARGET_MESSAGES } from '../messages/targets.ts'
import type { TargetsEvent } from '../studio-events.ts'
import { describeTargetCondition } from '../target-note.ts'
import { setText, textsOf } from './elements.ts'

const text = textsOf(TARGET_MESSAGES)

/** Shows how the platforms of a broadcast are doing. Those that were removed elsewhere are hidden. */
export function showTargets(panel: HTMLElement, { targets }: TargetsEvent): void {
  for (const item of panel.querySelectorAll<HTMLElement>('[data-target]')) {
    const target = targets.find((one) => one.target_id === item.dataset['target'])
    item.hidden = target === undefined
    if (target === undefined) continue
    setText(item, '[data-target-state]', text.states[target.state])
    const badge = item.querySelector('[data-target-state]')
    if (badge !== null) badge.className = `badge target-${target.state}`
    setText(item, '[data-target-note]', describeTargetCondition(target, text))
  }
}
