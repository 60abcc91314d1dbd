// The tests of test/netns/migrate.test.ts, with the network in a VRF.
process.env.VMNET_TEST_DOMAIN = 'vrf';
await import('../netns/migrate.test.ts');
