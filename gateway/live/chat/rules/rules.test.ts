import { expect, test } from 'vitest'

import { createWordFilter, isVisible } from './blocked-words.ts'
import { judgeMessages, nonceKeyOf, type MessageDraft, type RoomMoment, type Sender } from './judge-messages.ts'
import { judgeRate } from './message-rate.ts'
import { tickMsFor } from './tick.ts'

const NOW = 1_000_000
const viewer: Sender = {
  userId: 'a',
  username: 'anna',
  role: 'viewer',
  mayWatch: true,
  isFollower: false,
  bannedUntilMs: null,
  paidUntilMs: 0,
  lastMs: 0,
}
const rules = { state: 'live' as const, slowModeSec: 0, isFollowersOnly: false, hasBlockedWord: () => false }

function judge(drafts: readonly Partial<MessageDraft>[], moment: Partial<RoomMoment> = {}) {
  const all = drafts.map((draft, i) => ({ userId: 'a', text: 'hello', nonce: `n${i}`, ...draft }))
  return judgeMessages(all, { nowMs: NOW, lastSeq: 7, rules, senders: [viewer], known: new Map(), ...moment })
}

/** Returns the codes of refusals, and the numbers of the other messages. */
function outcomes(judged: ReturnType<typeof judge>) {
  return judged.verdicts.map((verdict) => (verdict.kind === 'refused' ? verdict.refusal.code : verdict.seq))
}

test('a user writes five messages at once, and then one a second', () => {
  let paidUntilMs = 0
  const sent: number[] = []
  for (let ms = 0; ms <= 4000; ms += 100) {
    const verdict = judgeRate(paidUntilMs, NOW + ms)
    if (verdict.waitMs === 0) sent.push(ms)
    paidUntilMs = verdict.paidUntilMs
    if (ms === 0) for (let i = 0; i < 10; i++) ({ paidUntilMs } = judgeRate(paidUntilMs, NOW))
  }
  expect(sent).toEqual([0, 1000, 2000, 3000, 4000])
  expect(judgeRate(NOW + 5000, NOW)).toEqual({ waitMs: 1000, paidUntilMs: NOW + 5000 })
})

test('the time between two frames grows with the clients, between 50 and 250 ms', () => {
  expect([1, 1000, 2000, 5000, 20_000].map(tickMsFor)).toEqual([50, 50, 100, 250, 250])
})

test('messages that come together are numbered without a gap, also around those that are refused', () => {
  const judged = judge([{}, {}, { userId: 'b' }, {}, {}, {}, {}, {}])
  expect(outcomes(judged)).toEqual([8, 9, 'gone', 10, 11, 12, 'too_fast', 'too_fast'])
  expect([judged.lastSeq, judged.senders.length]).toEqual([12, 1])
})

test('a message that is sent again is the first one, in one batch and after it', () => {
  const known = new Map([[nonceKeyOf({ userId: 'a', nonce: 'old' }), 3]])
  const judged = judge([{ nonce: 'x' }, { nonce: 'x' }, { nonce: 'old' }, { nonce: 'y' }], { known })
  expect(judged.verdicts).toEqual([
    { kind: 'written', seq: 8 },
    { kind: 'again', seq: 8 },
    { kind: 'again', seq: 3 },
    { kind: 'written', seq: 9 },
  ])
})

test.each([
  ['ended', { rules: { ...rules, state: 'ended' as const } }],
  ['gone', { senders: [{ ...viewer, mayWatch: false }] }],
  ['banned', { senders: [{ ...viewer, bannedUntilMs: Infinity }] }],
  ['banned', { senders: [{ ...viewer, bannedUntilMs: NOW + 1 }] }],
  ['followers_only', { rules: { ...rules, isFollowersOnly: true } }],
  ['slow_mode', { rules: { ...rules, slowModeSec: 10 }, senders: [{ ...viewer, lastMs: NOW - 9999 }] }],
  ['word_blocked', { rules: { ...rules, hasBlockedWord: createWordFilter(['hello']) } }],
])('a message is refused as %s', (code, moment) => {
  expect(outcomes(judge([{}], moment))).toEqual([code])
})

test('where only followers may write, these and moderators do', () => {
  const moment = { rules: { ...rules, isFollowersOnly: true } }
  expect(outcomes(judge([{}], { ...moment, senders: [{ ...viewer, isFollower: true }] }))).toEqual([8])
  expect(outcomes(judge([{}], { ...moment, senders: [{ ...viewer, role: 'moderator' }] }))).toEqual([8])
})

test('a time-out ends, slow mode counts from the last message, and neither it nor blocked words bind moderators', () => {
  expect(outcomes(judge([{}], { senders: [{ ...viewer, bannedUntilMs: NOW }] }))).toEqual([8])
  const slow = { ...rules, slowModeSec: 10, hasBlockedWord: createWordFilter(['hello']) }
  expect(outcomes(judge([{}, {}], { rules: slow, senders: [{ ...viewer, role: 'moderator' }] }))).toEqual([8, 9])
  expect(outcomes(judge([{}, {}], { rules: { ...slow, hasBlockedWord: () => false } }))).toEqual([8, 'slow_mode'])
})

test.each([
  ['what a Darn thing', 'darn', true],
  ['DÀRN!', 'darn', true],
  ['ｄａｒｎ', 'darn', true],
  ['darning socks', 'darn', false],
  ['a.b darn', 'a.b', true],
  ['ばかなこと', 'ばか', true],
  ['バカなこと', 'ばか', true],
  ['はか', 'ばか', false],
  ['da\u{AD}rn', 'darn', true],
  ['da\u{200B}r\u{2060}n', 'darn', true],
  ['I like c', 'c++', false],
  ['I like c++.', 'c++', true],
  ['(a|b)* [x]-y/z {1}', '[x]-y/z', true],
  ['มา', 'มี', false],
  ['', 'x', false],
  ['', '', false],
])('%j has the blocked word %j: %j', (text, word, has) => {
  expect(createWordFilter([word])(text)).toBe(has)
})

test('a text of characters that are not shown is not visible', () => {
  expect(['\u{200B}', '\u{AD}\u{2060} ', '\u{E0041}'].map(isVisible)).toEqual([false, false, false])
  expect(['a', '\u{200B}a', '👩‍🚀'].map(isVisible)).toEqual([true, true, true])
})
