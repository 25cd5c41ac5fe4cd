/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * C for what bindgen can't bind of network devices: inline functions and macros.
 */
#ifndef RLOOP_HELPERS_NET_H
#define RLOOP_HELPERS_NET_H

#include <linux/etherdevice.h>
#include <linux/ethtool.h>
#include <linux/hrtimer.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <linux/skbuff.h>
#include <linux/types.h>
#include <net/rtnetlink.h>

struct net_device *rloop_net_alloc(size_t size, const char *name, void (*setup)(struct net_device *));
struct net_device *rloop_net_alloc_peer(struct net_device *dev, const char *name,
					struct rtnl_newlink_params *params, struct netlink_ext_ack *extack);
void rloop_net_setup(struct net_device *dev, const struct net_device_ops *ops,
		     const struct ethtool_ops *ethtool_ops, void (*destructor)(struct net_device *));
int rloop_net_register(struct net_device *dev);
void rloop_net_unregister(struct net_device *first, struct net_device *second);
void *rloop_net_priv(const struct net_device *dev);
const struct rtnl_link_ops *rloop_net_link_ops(const struct net_device *dev);
unsigned int rloop_net_index(const struct net_device *dev);
bool rloop_net_running(const struct net_device *dev);
const char *rloop_net_name(const struct net_device *dev);
void rloop_net_stop_queue(struct net_device *dev);
void rloop_net_wake_queue(struct net_device *dev);
void rloop_net_link(struct net_device *dev, u32 speed, struct ethtool_link_ksettings *settings);

void rloop_napi_add(struct net_device *dev, struct napi_struct *napi,
		    int (*poll)(struct napi_struct *napi, int budget));
void rloop_napi_del(struct napi_struct *napi);
void rloop_napi_schedule(struct napi_struct *napi);
void rloop_napi_receive(struct napi_struct *napi, struct net_device *dev, struct sk_buff *skb);

unsigned int rloop_skb_length(const struct sk_buff *skb);
bool rloop_skb_forward(struct net_device *dev, struct sk_buff *skb);
struct sk_buff *rloop_skb_clone(struct sk_buff *skb);
struct sk_buff *rloop_skb_flip(struct sk_buff *skb);
void rloop_skb_free(struct sk_buff *skb);

/* bindgen does not see constants that are casts or of no type that it knows. */
enum rloop_net_constant {
	RLOOP_TX_OK = NETDEV_TX_OK,
	RLOOP_SS_TEST = ETH_SS_TEST,
	RLOOP_SS_STATS = ETH_SS_STATS,
	RLOOP_NAME_SIZE = ETH_GSTRING_LEN,
	RLOOP_CLOCK_MONOTONIC = CLOCK_MONOTONIC,
};

#endif
