// SPDX-License-Identifier: GPL-2.0-only
/*
 * C for what bindgen can't bind of network devices. A driver's helpers.c includes it if the driver has some.
 */
#include <linux/etherdevice.h>
#include <linux/ethtool.h>
#include <linux/if_vlan.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <linux/skbuff.h>
#include <net/busy_poll.h>
#include <net/rtnetlink.h>

#include "net.h"

/* What a device does itself, since no wire needs it done: as veth. */
#define RLOOP_NET_FEATURES	(NETIF_F_SG | NETIF_F_FRAGLIST | NETIF_F_HW_CSUM | NETIF_F_RXCSUM |	\
				 NETIF_F_HIGHDMA | NETIF_F_GSO_SOFTWARE)

/*
 * Allocates an Ethernet device with `size` bytes, all zero, for its driver, and an address at random. The name may have
 * %d for the first number that is free. NULL if there is no memory. May sleep.
 */
struct net_device *rloop_net_alloc(size_t size, const char *name, void (*setup)(struct net_device *))
{
	struct net_device *dev = alloc_netdev(size, name, NET_NAME_ENUM, setup);

	if (dev)
		eth_hw_addr_random(dev);
	return dev;
}

/*
 * As above, for the other end of a device that a program asks for, of the same kind. Gives a device that has an address
 * at random one, too. An error pointer if it can't be made. Under rtnl; may sleep.
 */
struct net_device *rloop_net_alloc_peer(struct net_device *dev, const char *name,
					struct rtnl_newlink_params *params, struct netlink_ext_ack *extack)
{
	struct nlattr *tb[IFLA_MAX + 1] = {};
	struct net_device *peer;

	peer = rtnl_create_link(rtnl_newlink_peer_net(params), name, NET_NAME_ENUM, dev->rtnl_link_ops, tb, extack);
	if (IS_ERR(peer))
		return peer;
	eth_hw_addr_random(peer);
	if (!params->tb[IFLA_ADDRESS])
		eth_hw_addr_random(dev);
	/* Both take frames of any length that one of them was asked to. */
	peer->mtu = dev->mtu;
	return peer;
}

/*
 * Sets up a device that was just allocated. `destructor` is called when nobody uses it any more, and may sleep; then it
 * is freed.
 */
void rloop_net_setup(struct net_device *dev, const struct net_device_ops *ops,
		     const struct ethtool_ops *ethtool_ops, void (*destructor)(struct net_device *))
{
	ether_setup(dev);
	dev->netdev_ops = ops;
	dev->ethtool_ops = ethtool_ops;
	dev->needs_free_netdev = true;
	dev->priv_destructor = destructor;
	dev->max_mtu = ETH_MAX_MTU;
	/* A frame that is sent has one owner. */
	dev->priv_flags &= ~IFF_TX_SKB_SHARING;
	dev->priv_flags |= IFF_LIVE_ADDR_CHANGE;
	dev->features = RLOOP_NET_FEATURES;
	dev->hw_features = RLOOP_NET_FEATURES;
	dev->vlan_features = RLOOP_NET_FEATURES;
	dev->hw_enc_features = RLOOP_NET_FEATURES;
	netif_set_tso_max_size(dev, GSO_MAX_SIZE);
	netif_carrier_off(dev);
}

/*
 * Registers a device, with GRO off as veth has it: what comes from the same machine is in large pieces already. Under
 * rtnl; may sleep.
 */
int rloop_net_register(struct net_device *dev)
{
	int err = register_netdevice(dev);

	if (err)
		return err;
	dev->features &= ~NETIF_F_GRO;
	dev->wanted_features &= ~NETIF_F_GRO;
	netdev_update_features(dev);
	netif_carrier_off(dev);
	return 0;
}

/* Unregisters two devices at once. Under rtnl; may sleep. */
void rloop_net_unregister(struct net_device *first, struct net_device *second)
{
	LIST_HEAD(list);

	unregister_netdevice_queue(first, &list);
	unregister_netdevice_queue(second, &list);
	unregister_netdevice_many(&list);
}

void *rloop_net_priv(const struct net_device *dev)
{
	return netdev_priv(dev);
}

const struct rtnl_link_ops *rloop_net_link_ops(const struct net_device *dev)
{
	return dev->rtnl_link_ops;
}

unsigned int rloop_net_index(const struct net_device *dev)
{
	return READ_ONCE(dev->ifindex);
}

bool rloop_net_running(const struct net_device *dev)
{
	return netif_running(dev);
}

/* The name, which may change meanwhile: for messages, under rtnl. */
const char *rloop_net_name(const struct net_device *dev)
{
	return netdev_name(dev);
}

void rloop_net_stop_queue(struct net_device *dev)
{
	netif_stop_queue(dev);
}

void rloop_net_wake_queue(struct net_device *dev)
{
	/* The queue of a device that is down has nothing to be sent. */
	if (netif_running(dev))
		netif_wake_queue(dev);
	else
		netif_start_queue(dev);
}

/* What a link of this speed in Mbit/s is like. */
void rloop_net_link(struct net_device *dev, u32 speed, struct ethtool_link_ksettings *settings)
{
	settings->base.speed = speed;
	settings->base.duplex = DUPLEX_FULL;
	settings->base.port = PORT_TP;
	settings->base.autoneg = AUTONEG_DISABLE;
}

/* Adds a NAPI instance and lets it be scheduled. May sleep. */
void rloop_napi_add(struct net_device *dev, struct napi_struct *napi,
		    int (*poll)(struct napi_struct *napi, int budget))
{
	netif_napi_add(dev, napi, poll);
	napi_enable(napi);
}

/* Takes one away that is disabled, and waits for whoever looks at it. May sleep. */
void rloop_napi_del(struct napi_struct *napi)
{
	netif_napi_del(napi);
}

void rloop_napi_schedule(struct napi_struct *napi)
{
	napi_schedule(napi);
}

/* Gives a frame that eth_type_trans() has looked at to the network. To be called by the instance's poll. */
void rloop_napi_receive(struct napi_struct *napi, struct net_device *dev, struct sk_buff *skb)
{
	/* The device it came for may have gone meanwhile, and another have its place. */
	skb->dev = dev;
	if (dev->features & NETIF_F_GRO) {
		napi_gro_receive(napi, skb);
	} else {
		/* As napi_gro_receive() does: a socket knows by it where its frames come from. */
		skb_mark_napi_id(skb, napi);
		netif_receive_skb(skb);
	}
}

unsigned int rloop_skb_length(const struct sk_buff *skb)
{
	return skb->len;
}

/*
 * Makes of a frame that is sent one that `dev` has received, less all that must not cross a name space. Frees it if it
 * is too long for the device; whether it is still there. Under RCU.
 */
bool rloop_skb_forward(struct net_device *dev, struct sk_buff *skb)
{
	skb_tx_timestamp(skb);
	return __dev_forward_skb(dev, skb) == NET_RX_SUCCESS;
}

/* NULL if there is no memory. Any context. */
struct sk_buff *rloop_skb_clone(struct sk_buff *skb)
{
	return skb_clone(skb, GFP_ATOMIC);
}

/*
 * Gives a copy of a frame with the lowest bit of its last byte inverted, and a checksum that was right before; NULL if
 * there is no memory. The frame stays. Any context.
 */
struct sk_buff *rloop_skb_flip(struct sk_buff *skb)
{
	struct sk_buff *copy = skb_copy(skb, GFP_ATOMIC);

	if (!copy)
		return NULL;
	/* One that stands for several has no checksum yet, and is damaged as a whole. */
	if (skb_is_gso(copy))
		skb_gso_reset(copy);
	else if (copy->ip_summed == CHECKSUM_PARTIAL && skb_checksum_help(copy)) {
		kfree_skb(copy);
		return NULL;
	}
	copy->ip_summed = CHECKSUM_NONE;
	copy->data[copy->len - 1] ^= 1;
	return copy;
}

/* Frees a frame that is lost. Any context. */
void rloop_skb_free(struct sk_buff *skb)
{
	dev_kfree_skb_any(skb);
}
