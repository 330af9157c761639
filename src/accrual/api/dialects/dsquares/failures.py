"""Dsquares' numbered failures by name, and which of our errors and declines is which of them. Nothing is rendered here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accrual.domain.errors import Refused

SUCCESS = "Success"

NAMES: Mapping[int, str] = {
    -4: "Action_Can_Not_Executed_Wallet_Deactivated",
    -1: "Action_Can_Not_Executed",
    0: SUCCESS,
    1: "Invalid_WalletCode",
    2: "Invalid_Points",
    3: "Wallet_Not_Found",
    4: "Wallet is inactive",
    5: "Not_Matched_WalletCode",
    6: "Invalid Sku",
    7: "Invalid_Branch",
    8: "Invalid_MSISDN_Or_Code",
    9: "WalletCode_Already_Exist",
    10: "Subscription_Limit_Exceeded",
    11: "SKU_Acc_Limit_Exceeded",
    12: "Invalid_Invoice_Number",
    13: "Child_MSISDN_Already_Parent",
    14: "Invalid_Cash_Back",
    15: "Accumulation_Limit_Exceeded",
    16: "Invalid_Payment_Parameters",
    17: "Invalid_Campaign_Parameters",
    18: "Amount_Exceeded_Total_Balance",
    19: "Points_Exceeded_Max_Points",
    20: "Invalid_Transaction_Id",
    21: "Transaction_Already_Refunded",
    22: "Invalid_Sim_Number",
    23: "Invalid_Merchant",
    24: "Not_Allowed_Mobile_Number",
    25: "InvalidNotificationId",
    26: "Amount_Less_Than_SKU_Amount",
    27: "PinCode_Trials_Exceeded_Limit",
    28: "Pin_Code_Incorrect",
    29: "Voucher_Not_Found",
    30: "Pin_Code_Expired",
    31: "Wallet_Added_On",
    32: "Wallet_Related_Same_Id",
    33: "First_Digit_is_invalid",
    34: "Invalid_SkuPoints_OrPointsValue",
    35: "Insufficient_Points",
    36: "Offer_subscription",
    37: "Accumulation_Refunded_Before",
    38: "Transaction_Id_Required",
    39: "Invalid_Amount",
    40: "Transation_Not_Found",
    41: "Amount_Greater_Original",
    42: "Exceeded_Accumulation_Capping",
    43: "Points_Exceeded_Redemption_Max_Points",
    44: "Offer_Not_Found",
    45: "RedValueFactor_Is_Zero",
    46: "OTP_Expired",
}
"""The vendor's own list, spelt as there. Which of them are ever said here stands in the dialect's page."""

CANNOT = -1
INVALID_WALLET = 1
WALLET_UNKNOWN = 3
NOT_MATCHED = 5
INVALID_SKU = 6
INVALID_BRANCH = 7
INVALID_MSISDN = 8
INVALID_INVOICE = 12
LIMIT_EXCEEDED = 15
OVER_BALANCE = 18
INVALID_TRANSACTION = 20
ALREADY_REFUNDED = 21
INVALID_VALUE = 34
INSUFFICIENT = 35
RETURNED_BEFORE = 37
TRANSACTION_REQUIRED = 38
INVALID_AMOUNT = 39
TRANSACTION_UNKNOWN = 40
OVER_ORIGINAL = 41

BY_CODE: Mapping[str, int] = {
    "member_unknown": WALLET_UNKNOWN,
    "invalid_identity": INVALID_WALLET,
    "key_reused": CANNOT,
}
"""Our errors that are business to this partner; the others of these kinds are CANNOT, and all else is the caller's mistake."""

_DECLINES: Mapping[str, int] = {
    "member_unknown": WALLET_UNKNOWN,
    "below_threshold": INSUFFICIENT,
    "redemption_unknown": TRANSACTION_UNKNOWN,
    "purchase_unknown": TRANSACTION_UNKNOWN,
    "already_refunded": ALREADY_REFUNDED,
    "already_returned": RETURNED_BEFORE,
    "more_than_taken": OVER_ORIGINAL,
    "amount_too_small": INVALID_AMOUNT,
    "limit_reached": LIMIT_EXCEEDED,
    "budget_exhausted": LIMIT_EXCEEDED,
}


class Failed(Refused):
    """Dsquares has a number for this."""

    def __init__(self, number: int) -> None:
        super().__init__(NAMES[number])
        self.number = number


def number_of(reason: str, details: Mapping[str, Any] | None) -> int:
    """The number of a decline. Over all the wallet has is another failure than over what of it is free."""
    if reason == "insufficient_points":
        told = details or {}
        total = int(told.get("available", 0)) + int(told.get("held", 0))
        return OVER_BALANCE if int(told.get("wanted", 0)) > total else INSUFFICIENT
    return _DECLINES.get(reason, CANNOT)
