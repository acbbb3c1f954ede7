// Drives the vendor's own client through the calls that redeem rewards, and prints what came of each
// as one JSON object. Told by the environment: URL, APP_ID, APP_TOKEN, CAMPAIGN.
'use strict'

const { VoucherifyServerSide } = require('@voucherify/sdk')

const { URL: apiUrl, APP_ID, APP_TOKEN, CAMPAIGN } = process.env
const client = VoucherifyServerSide({ applicationId: APP_ID, secretKey: APP_TOKEN, apiUrl })
const stranger = VoucherifyServerSide({ applicationId: APP_ID, secretKey: 'not it', apiUrl })

const refusal = async promise => {
  try {
    return { answered: await promise }
  } catch (error) {
    const { code, key, details, request_id: requestId, resource_type: kind } = error
    return { code, key, details, requestId, kind }
  }
}

const cards = async told => {
  const customer = await client.customers.create({ source_id: 'JS-1', name: 'Jo Sand' })
  const card = await client.loyalties.createMember(CAMPAIGN, { customer: { id: customer.id } })
  const other = await client.loyalties.createMember(CAMPAIGN, { customer: { source_id: 'JS-2' } })
  Object.assign(told, { customer, card, other })
  told.added = await client.loyalties.addOrRemoveCardBalance(card.code, { points: 1000, reason: 'Hello' })
  told.taken = await client.loyalties.addOrRemoveCardBalance(card.code, { points: -50 }, CAMPAIGN)
  told.lent = await client.loyalties.addPoints(CAMPAIGN, other.code, { points: 30 })
  told.moved = await client.loyalties.transferPoints(CAMPAIGN, card.code, [
    { code: other.code, points: 20, source_id: 'T-1' }
  ])
  told.rewards = await client.loyalties.listMemberRewards(card.code, { affordable_only: true })
  told.members = await client.loyalties.listMembers(CAMPAIGN, { limit: 1, order: '-created_at' })
  return card.code
}

const redemptions = async (told, code) => {
  const { data: rewards } = await client.rewards.list()
  const [COUPON, MUG] = ['£5 off', 'A mug'].map(name => rewards.find(each => each.name === name).id)
  Object.assign(told, { COUPON, MUG })
  told.redeemed = await client.loyalties.redeemReward(CAMPAIGN, code, { reward: { id: COUPON } })
  told.mug = await client.loyalties.redeemReward(CAMPAIGN, code, {
    reward: { id: MUG },
    metadata: { engraving: 'J' }
  })
  told.shown = await client.redemptions.get(told.mug.id)
  told.rolledBack = await client.redemptions.rollback(told.mug.id, { reason: 'Chipped' })
  told.after = await client.loyalties.getMember(CAMPAIGN, code)
  told.alone = await client.loyalties.getMember(null, code)
  told.expiration = await client.loyalties.getPointsExpiration(CAMPAIGN, code)
  told.transactions = await client.loyalties.listCardTransactions(code, null, { limit: 2 })
  told.rest = await client.loyalties.listCardTransactions(code, CAMPAIGN, {
    starting_after_id: told.transactions.more_starting_after
  })
}

const offers = async told => {
  const campaign = await client.loyalties.create({
    name: 'Made by a script',
    campaign_type: 'LOYALTY_PROGRAM',
    type: 'AUTO_UPDATE',
    vouchers_count: 0,
    voucher: { type: 'LOYALTY_CARD', loyalty_card: { points: 0 }, code_config: { length: 12, prefix: 'JS-' } }
  })
  const reward = await client.rewards.create({
    name: 'A cap',
    parameters: { product: { id: 'prod_cap' } },
    stock: 3
  })
  const assigned = await client.loyalties.createRewardAssignments(campaign.id, [
    { reward: reward.id, parameters: { loyalty: { points: 70 } } }
  ])
  told.updated = await client.loyalties.updateRewardAssignment(campaign.id, {
    id: assigned.id,
    parameters: { loyalty: { points: 75 } }
  })
  told.assignments = await client.loyalties.listRewardAssignments(campaign.id)
  told.assignment = await client.loyalties.getRewardAssignment(campaign.id, assigned.id)
  told.details = await client.loyalties.getRewardDetails(campaign.id, assigned.id)
  told.inUse = await refusal(client.rewards.delete(reward.id))
  await client.loyalties.deleteRewardAssignment(campaign.id, assigned.id)
  told.renamed = await client.rewards.update({ id: reward.id, name: 'A red cap' })
  told.found = await client.rewards.get(reward.id)
  told.offered = await client.rewards.list({ limit: 100 })
  await client.rewards.delete(reward.id)
  told.gone = await refusal(client.rewards.get(reward.id))
  told.campaign = await client.loyalties.update({ id: campaign.id, description: 'From a test' })
  told.campaigns = await client.loyalties.list({ limit: 100 })
  told.named = await client.loyalties.get('Made by a script')
  told.ended = await client.loyalties.delete(campaign.id)
  told.endedAgain = await refusal(client.loyalties.delete(campaign.id))
}

const failures = async (told, code) => {
  const { MUG } = told
  told.short = await refusal(client.loyalties.addOrRemoveCardBalance(code, { points: -100000 }))
  told.dear = await refusal(client.loyalties.redeemReward(CAMPAIGN, code, { reward: { id: MUG } }))
  told.missing = await refusal(client.loyalties.redeemReward(CAMPAIGN, code, {}))
  told.noReward = await refusal(client.loyalties.redeemReward(CAMPAIGN, code, { reward: { id: 'rew_0' } }))
  told.noCard = await refusal(client.loyalties.getMember(null, 'NOBODY'))
  told.noCampaign = await refusal(client.loyalties.getMember('camp_0', code))
  told.twice = await refusal(client.redemptions.rollback(told.mug.id))
  told.stranger = await refusal(stranger.loyalties.getMember(null, code))
  told.limits = {
    limit: client.apiLimitsHandler.getRateLimit(),
    remaining: client.apiLimitsHandler.getRateLimitRemaining(),
    retry: client.apiLimitsHandler.getRetryAfter()
  }
}

// The client has no methods of v2; its transport reaches it by an absolute address.
const purchase = async told => {
  const base = `${apiUrl}/v2/loyalties`
  const http = client.loyalties.client
  const { data: programs } = await http.get(`${base}/programs`)
  const program = programs.find(each => each.name === 'Main')
  const membership = await http.get(`${base}/programs/${program.id}/memberships/${told.customer.id}`)
  const { id } = membership.member
  const path = `${base}/programs/${program.id}/members/${id}/rewards/purchases`
  told.bought = await http.post(path, { reward_id: told.COUPON.replace('rew_', 'lrew_') })
  for (let left = 200; left > 0; left -= 1) {
    const { data: listed } = await http.get(path)
    told.polled = listed[0]
    if (told.polled.status === 'APPROVED') break
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  told.refused = await refusal(http.post(path, { reward_id: 'lrew_0' }))
}

const main = async () => {
  const told = {}
  const code = await cards(told)
  await redemptions(told, code)
  await purchase(told)
  await offers(told)
  // What is left pays for no mug.
  await client.loyalties.addOrRemoveCardBalance(code, { points: -600 })
  await failures(told, code)
  process.stdout.write(JSON.stringify(told))
}

main().catch(error => {
  console.error(error)
  process.exitCode = 1
})
