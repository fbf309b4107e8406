// SPDX-License-Identifier: MIT
/*
 * A made-up sensor driver for the tests of internal/patch. Its code is never
 * built: only the shapes of its lines matter.
 */

#include <linux/i2c.h>
#include <linux/module.h>
#include <linux/regmap.h>

/* Registers */
#define GAUGE_REG_ID		0x00
#define GAUGE_REG_CTRL		0x01
#define GAUGE_REG_DATA		0x02

#define GAUGE_CTRL_ON		BIT(7)

struct gauge_chip {
	const char *name;
	unsigned int id;
	bool wide;
};

struct gauge {
	struct i2c_client *client;
	struct regmap *regmap;
	const struct gauge_chip *chip;
	struct mutex lock;
};

static const struct regmap_config gauge_regmap = {
	.reg_bits = 8,
	.val_bits = 8,
	.max_register = GAUGE_REG_DATA,
};

static bool gauge_volatile(struct device *dev, unsigned int reg)
{
	switch (reg) {
	case GAUGE_REG_DATA:
		return true;
	}

	return false;
}

static int gauge_read(struct gauge *gauge, unsigned int reg, u8 *val)
{
	unsigned int tmp;
	int ret;

	ret = regmap_read(gauge->regmap, reg, &tmp);
	if (ret)
		return ret;

	*val = tmp;

	return 0;
}

static int gauge_on(struct gauge *gauge)
{
	return regmap_set_bits(gauge->regmap, GAUGE_REG_CTRL, GAUGE_CTRL_ON);
}

static int gauge_off(struct gauge *gauge)
{
	return regmap_clear_bits(gauge->regmap, GAUGE_REG_CTRL, GAUGE_CTRL_ON);
}

static int gauge_scale(int raw)
{
	return raw * 10;
}

static const char *gauge_mode_name(int mode)
{
	if (mode == 0)
		return "off";
	else
		return "on";
}

/*
 * Get a sample.
 */
static int gauge_sample(struct gauge *gauge, int *sample)
{
	u8 val;
	int ret;

	ret = gauge_read(gauge, GAUGE_REG_DATA, &val);
	if (ret < 0)
		return ret;

	*sample = gauge_scale(val);

	return 0;
}

static ssize_t value_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	struct gauge *gauge = dev_get_drvdata(dev);
	int sample;
	int ret;

	ret = gauge_sample(gauge, &sample);
	if (ret)
		return ret;

	return sysfs_emit(buf, "%d\n", sample);
}
static DEVICE_ATTR_RO(value);

static struct attribute *gauge_attrs[] = {
	&dev_attr_value.attr,
	NULL
};
ATTRIBUTE_GROUPS(gauge);

static irqreturn_t gauge_irq(int irq, void *data)
{
	struct gauge *gauge = data;

	dev_dbg(&gauge->client->dev, "irq %d\n", irq);

	return IRQ_HANDLED;
}

static void gauge_dump(struct gauge *gauge)
{
	int i;
	u8 val;

	for (i = 0; i <= GAUGE_REG_DATA; i++) {
		if (gauge_read(gauge, i, &val) == 0)
			dev_info(&gauge->client->dev, "%02x: %02x\n", i, val);
	}
}

static int gauge_identify(struct gauge *gauge)
{
	u8 id;
	int ret;

	ret = gauge_read(gauge, GAUGE_REG_ID, &id);
	if (ret)
		return ret;
	if (id != gauge->chip->id)
		return -ENODEV;

	return 0;
}

static int gauge_probe(struct i2c_client *client)
{
	struct device *dev = &client->dev;
	struct gauge *gauge;
	int ret;

	gauge = devm_kzalloc(dev, sizeof(*gauge), GFP_KERNEL);
	if (!gauge)
		return -ENOMEM;

	gauge->client = client;
	gauge->chip = device_get_match_data(dev);
	mutex_init(&gauge->lock);

	gauge->regmap = devm_regmap_init_i2c(client, &gauge_regmap);
	if (IS_ERR(gauge->regmap))
		return PTR_ERR(gauge->regmap);

	ret = gauge_identify(gauge);
	if (ret)
		return dev_err_probe(dev, ret, "not a gauge\n");

	i2c_set_clientdata(client, gauge);

	return gauge_on(gauge);
}

static void gauge_remove(struct i2c_client *client)
{
	struct gauge *gauge = i2c_get_clientdata(client);

	gauge_off(gauge);
}

static const struct gauge_chip gauge_chips[] = {
	{
		.name = "g100",
		.id = 0x10,
	},
	{
		.name = "g200",
		.id = 0x20,
		.wide = true,
	},
};

static const struct of_device_id gauge_of_match[] = {
	{ .compatible = "acme,g100", .data = &gauge_chips[0] },
	{ .compatible = "acme,g200", .data = &gauge_chips[1] },
	{ /* sentinel */ }
};
MODULE_DEVICE_TABLE(of, gauge_of_match);

static struct i2c_driver gauge_driver = {
	.driver = {
		.name = "gauge",
		.dev_groups = gauge_groups,
		.of_match_table = gauge_of_match,
	},
	.probe = gauge_probe,
	.remove = gauge_remove,
};
module_i2c_driver(gauge_driver);

MODULE_AUTHOR("Nobody <nobody@example.org>");
MODULE_LICENSE("GPL");
