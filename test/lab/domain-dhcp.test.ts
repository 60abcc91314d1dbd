// The tests of test/netns/dhcp-routed.test.ts, with the network in a VRF, and the server as well. The others of DHCP are
// about bridged NICs.
process.env.VMNET_TEST_DOMAIN = 'vrf';
await import('../netns/dhcp-routed.test.ts');
