"""All vendors by name. A new one is a module beside this file and a name in this list."""

from collections.abc import Mapping
from typing import Final

from consumers.intake.vendors.chargebee import CHARGEBEE
from consumers.intake.vendors.delighted import DELIGHTED
from consumers.intake.vendors.hubspot import HUBSPOT
from consumers.intake.vendors.intercom import INTERCOM
from consumers.intake.vendors.jira import JIRA
from consumers.intake.vendors.stripe import STRIPE
from consumers.intake.vendors.typeform import TYPEFORM
from consumers.intake.vendors.vendor import Vendor
from consumers.intake.vendors.zendesk import ZENDESK

VENDORS: Final[Mapping[str, Vendor]] = {
    vendor.name: vendor for vendor in (ZENDESK, INTERCOM, HUBSPOT, JIRA, DELIGHTED, TYPEFORM, STRIPE, CHARGEBEE)
}
